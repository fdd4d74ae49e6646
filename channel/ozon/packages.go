package ozon

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/orderhub/orderhub"
)

var (
	reasonID = regexp.MustCompile(`^[0-9]{1,10}$`)
	skuID    = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
)

// packagesOf makes the packages of the ship call: one with everything, or the
// split that param asks for. Ozon wants every unit in exactly one package.
func packagesOf(lines []orderhub.Line, param string) ([]shipPackage, error) {
	var whole shipPackage
	left := map[string]int64{}
	for i, l := range lines {
		if l.Quantity == 0 {
			continue
		}
		if !skuID.MatchString(l.ListingKey) {
			return nil, fmt.Errorf("line %d has no Ozon SKU: the posting cannot be assembled by a call", i+1)
		}
		whole.add(l.ListingKey, l.Quantity)
		left[l.ListingKey] += l.Quantity
	}
	if len(whole.Products) == 0 {
		return nil, errors.New("the posting has no goods to assemble")
	}
	if param == "" {
		return []shipPackage{whole}, nil
	}
	var wish [][]struct {
		SKU      text        `json:"sku"`
		Quantity json.Number `json:"quantity"`
	}
	if err := json.Unmarshal([]byte(param), &wish); err != nil {
		return nil, errors.New(`packages: want a list of packages like [[{"sku":"1550012345","quantity":1}]]`)
	}
	var out []shipPackage
	for i, goods := range wish {
		var pack shipPackage
		for _, g := range goods {
			key, err := listingKey(lines, string(g.SKU))
			if err != nil {
				return nil, fmt.Errorf("packages: package %d: %w", i+1, err)
			}
			quantity, err := g.Quantity.Int64()
			if err != nil || quantity < 1 {
				return nil, fmt.Errorf("packages: package %d: the quantity of %.40s is not a count", i+1, g.SKU)
			}
			pack.add(key, quantity)
			left[key] -= quantity
		}
		if len(pack.Products) == 0 {
			return nil, fmt.Errorf("packages: package %d is empty", i+1)
		}
		out = append(out, pack)
	}
	for _, l := range lines {
		if n := left[l.ListingKey]; n != 0 {
			return nil, fmt.Errorf("packages: of %.40s the packages hold %d units more or less than the posting; every unit goes into exactly one package", l.ListingKey, max(n, -n))
		}
	}
	return out, nil
}

func (p *shipPackage) add(sku string, quantity int64) {
	for i := range p.Products {
		if string(p.Products[i].ProductID) == sku {
			p.Products[i].Quantity += quantity
			return
		}
	}
	p.Products = append(p.Products, shipProduct{ProductID: json.Number(sku), Quantity: quantity})
}

// listingKey finds Ozon's SKU for what a person wrote: the SKU itself or the
// article of a line. A word that could be either of two goods is refused.
func listingKey(lines []orderhub.Line, word string) (string, error) {
	found := ""
	for _, l := range lines {
		if word == "" || (l.ListingKey != word && l.SKU != word) {
			continue
		}
		if found != "" && found != l.ListingKey {
			return "", fmt.Errorf("%.40q is the SKU of one line and the article of another; use Ozon's SKU of both", word)
		}
		found = l.ListingKey
	}
	if found == "" {
		return "", fmt.Errorf("%.40q is not in the posting", word)
	}
	return found, nil
}
