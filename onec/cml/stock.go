package cml

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// StockOffer is the quantity of an article as 1C tells it to a shop.
type StockOffer struct {
	// ID is the article's, by which the shop knows it; with a # the article and its
	// characteristic.
	ID, SKU string
	Units   int64
}

// StockShape is the element that holds the figures.
type StockShape string

// The shapes.
const (
	// StockChanges is what УТ 11 sends when only figures or prices have changed, and the
	// one shape in which the schemas allow figures without prices.
	StockChanges StockShape = "ИзмененияПакетаПредложений"
	// StockOffers is the older one, for engines that read no other. It is outside the
	// schemas, which want an owner, kinds of prices, and of each offer a name, a unit and
	// a price: a price that is sent along would become the shop's.
	StockOffers StockShape = "ПакетПредложений"
)

// StockFile is what WriteStock writes.
type StockFile struct {
	Shape StockShape
	// Catalogue is the id of the catalogue that 1C has given the shop, "" = the hub's own.
	Catalogue string
	At        time.Time
	Version   string
	Offers    []StockOffer
}

type stockFileXML struct {
	XMLName xml.Name     `xml:"КоммерческаяИнформация"`
	Space   string       `xml:"xmlns,attr"`
	Version string       `xml:"ВерсияСхемы,attr"`
	At      string       `xml:"ДатаФормирования,attr"`
	Pack    stockPackXML `xml:",omitempty"`
}

type stockPackXML struct {
	XMLName   xml.Name
	Changes   string          `xml:"СодержитТолькоИзменения,attr"`
	ID        string          `xml:"Ид"`
	Name      string          `xml:"Наименование,omitempty"`
	Catalogue string          `xml:"ИдКаталога"`
	Offers    []stockOfferXML `xml:"Предложения>Предложение"`
}

type stockOfferXML struct {
	ID    string `xml:"Ид"`
	SKU   string `xml:"Артикул,omitempty"`
	Char  string `xml:"ИдХарактеристики,omitempty"`
	Units int64  `xml:"Количество"`
}

// ownCatalogue is the catalogue of a shop that was never given one by a 1C.
const ownCatalogue = "orderhub"

// WriteStock writes offers.xml with quantities alone: a package of changes, so
// that what it does not name stays as it is.
func WriteStock(w io.Writer, f StockFile) error {
	catalogue := cmp.Or(clip(f.Catalogue, 39), ownCatalogue)
	doc := stockFileXML{
		Space: "urn:1C.ru:commerceml_2", Version: f.Version, At: f.At.Format("2006-01-02T15:04:05"),
		Pack: stockPackXML{XMLName: xml.Name{Local: string(f.Shape)}, Changes: "true", ID: catalogue + "#", Catalogue: catalogue},
	}
	if f.Shape == StockOffers {
		doc.Pack.Name = "Остатки"
	}
	for _, o := range f.Offers {
		doc.Pack.Offers = append(doc.Pack.Offers, offerOf(o, f.Shape))
	}
	buffered := bufio.NewWriter(w)
	if _, err := io.WriteString(buffered, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(buffered)
	e.Indent("", " ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("write offers: %w", err)
	}
	return buffered.Flush()
}

// offerOf writes the characteristic where the shape has it: of its own in changes,
// behind a # in offers.
func offerOf(o StockOffer, shape StockShape) stockOfferXML {
	out := stockOfferXML{ID: clip(o.ID, 80), SKU: clip(o.SKU, 255), Units: max(0, o.Units)}
	if id, char, both := strings.Cut(o.ID, "#"); both && shape == StockChanges && id != "" && char != "" {
		out.ID, out.Char = clip(id, 80), clip(char, 40)
	}
	return out
}
