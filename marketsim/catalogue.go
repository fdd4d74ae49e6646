package marketsim

import (
	"fmt"
	"slices"
	"sync"
)

// Product is an article of the invented shop that all simulators sell from.
type Product struct {
	SKU        string `json:"sku"`
	Name       string `json:"name"`
	PriceMinor int64  `json:"price_minor"`
}

// What the invented shop sells: ten things in ten kinds.
var (
	things = []struct {
		code, name string
		minor      int64
	}{
		{"KR", "Кружка", 49000}, {"TR", "Термос", 189900}, {"BL", "Блокнот", 32050}, {"RK", "Рюкзак", 459000}, {"ZN", "Зонт", 129990},
		{"LM", "Лампа настольная", 249900}, {"PL", "Плед", 219000}, {"NB", "Набор ножей", 389900}, {"SV", "Свеча", 27500}, {"IG", "Игра настольная", 169000},
	}
	kinds = []string{
		"«Север»", "«Ладога»", "«Полдень»", "«Брусника»", "«Маяк»", "«Снегирь»", "«Янтарь»", "«Тайга»", "«Волна»", "«Облако»",
	}
)

// Catalogue lists the 100 invented articles. It is the same in every run, so
// that a demo can load it as products of the hub. The first SKU begins with a
// zero on purpose: SKUs are text.
func Catalogue() []Product { return slices.Clone(catalogue()) }

var catalogue = sync.OnceValue(func() []Product {
	out := make([]Product, 0, len(things)*len(kinds))
	for i, thing := range things {
		for j, kind := range kinds {
			p := Product{
				SKU: fmt.Sprintf("%s-%03d", thing.code, j+1), Name: thing.name + " " + kind,
				PriceMinor: thing.minor + int64(j)*(1990+int64(i)*5),
			}
			if i == 0 && j == 0 {
				p.SKU = "0557722"
			}
			out = append(out, p)
		}
	}
	return out
})

// ProductName is the name of an article; an article that is not in the
// catalogue has one too.
func ProductName(sku string) string {
	for _, p := range catalogue() {
		if p.SKU == sku {
			return p.Name
		}
	}
	return "Товар " + sku
}
