package cml

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// StockOffer is the quantity of an article as 1C tells it to a shop.
type StockOffer struct {
	// ID is the article's, by which the shop knows it.
	ID, SKU string
	Units   int64
}

type stockFileXML struct {
	XMLName xml.Name     `xml:"КоммерческаяИнформация"`
	Space   string       `xml:"xmlns,attr"`
	Version string       `xml:"ВерсияСхемы,attr"`
	At      string       `xml:"ДатаФормирования,attr"`
	Pack    stockPackXML `xml:"ПакетПредложений"`
}

type stockPackXML struct {
	Changes   string          `xml:"СодержитТолькоИзменения,attr"`
	ID        string          `xml:"Ид"`
	Name      string          `xml:"Наименование"`
	Catalogue string          `xml:"ИдКаталога"`
	Offers    []stockOfferXML `xml:"Предложения>Предложение"`
}

type stockOfferXML struct {
	ID    string `xml:"Ид"`
	SKU   string `xml:"Артикул,omitempty"`
	Units int64  `xml:"Количество"`
}

// WriteStock writes offers.xml with quantities alone: a package of changes, so
// that what it does not name stays as it is.
func WriteStock(w io.Writer, offers []StockOffer, at time.Time, version string) error {
	doc := stockFileXML{
		Space: "urn:1C.ru:commerceml_2", Version: version, At: at.Format("2006-01-02T15:04:05"),
		Pack: stockPackXML{Changes: "true", ID: "orderhub", Name: "Остатки", Catalogue: "orderhub"},
	}
	for _, o := range offers {
		doc.Pack.Offers = append(doc.Pack.Offers, stockOfferXML{ID: clip(o.ID, 80), SKU: clip(o.SKU, 255), Units: max(0, o.Units)})
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
