package onectest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// init asks for the size of parts. УТ takes exactly two lines.
func (t *talk) init(ctx context.Context) (int, error) {
	body, err := t.call(ctx, http.MethodGet, "init", "", nil)
	if err != nil {
		return 0, err
	}
	lines := strings.Split(string(body), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "zip=") {
		return 0, fmt.Errorf("init: Параметры обмена не получены: %q", body)
	}
	limit, err := strconv.Atoi(strings.TrimPrefix(lines[1], "file_limit="))
	if err != nil || limit <= 0 {
		return 0, fmt.Errorf("init: %q", lines[1])
	}
	return limit, nil
}

// send uploads a file in parts under one name.
func (t *talk) send(ctx context.Context, name string, body []byte, limit int) error {
	for first := true; first || len(body) > 0; first = false {
		part := body[:min(limit, len(body))]
		body = body[len(part):]
		answer, err := t.call(ctx, http.MethodPost, "file", name, part)
		if err != nil {
			return err
		}
		if first, rest, _ := strings.Cut(string(answer), "\n"); first != "success" {
			return fmt.Errorf("file: %s: %s", first, rest)
		}
	}
	return nil
}

// importFile asks for the reading of a file until it is done.
func (t *talk) importFile(ctx context.Context, name string) error {
	for {
		answer, err := t.call(ctx, http.MethodGet, "import", name, nil)
		if err != nil {
			return err
		}
		switch first, rest, _ := strings.Cut(string(answer), "\n"); strings.ToLower(strings.TrimSpace(first)) {
		case "success":
			return nil
		case "progress":
		case "failure":
			return errors.New("import: " + rest)
		default:
			return errors.New("import: unknown import status: " + first)
		}
	}
}

// File is a file of goods to send.
type File struct {
	Name string
	Body []byte
}

// SendGoods sends files in one leg, in parts of part bytes, or as the site says
// if part is 0.
func (b *Base) SendGoods(ctx context.Context, part int, files ...File) error {
	t, err := b.open(ctx, "catalog")
	if err != nil {
		return err
	}
	limit, err := t.init(ctx)
	if err != nil {
		return err
	}
	if part > 0 {
		limit = part
	}
	for _, f := range files {
		if err := t.send(ctx, f.Name, f.Body, limit); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := t.importFile(ctx, f.Name); err != nil {
			return err
		}
	}
	return nil
}

// SendZip sends files as one archive in parts, then names the inner files.
func (b *Base) SendZip(ctx context.Context, part int, files ...File) error {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, f := range files {
		w, err := z.Create("webdata/" + f.Name)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.Body); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	t, err := b.open(ctx, "catalog")
	if err != nil {
		return err
	}
	if _, err := t.init(ctx); err != nil {
		return err
	}
	if err := t.send(ctx, "v8_3B8F_3e.zip", buf.Bytes(), part); err != nil {
		return err
	}
	for _, f := range files {
		if err := t.importFile(ctx, f.Name); err != nil {
			return err
		}
	}
	return nil
}

// Goods is an article of the stand-in.
type Goods struct {
	ID, SKU, Name, Barcode string
	Price                  string
	Units                  int64
}

const head = "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<КоммерческаяИнформация xmlns=\"urn:1C.ru:commerceml_2\" ВерсияСхемы=\"2.07\">\n"

// Catalogue writes import0_1.xml.
func Catalogue(goods []Goods, changes bool) File {
	var w bytes.Buffer
	fmt.Fprintf(&w, head+"<Каталог СодержитТолькоИзменения=\"%v\"><Ид>k</Ид><Товары>\n", changes)
	for _, g := range goods {
		fmt.Fprintf(&w, "<Товар><Ид>%s</Ид><Штрихкод>%s</Штрихкод><Артикул>%s</Артикул><Наименование>%s</Наименование><БазоваяЕдиница Код=\"796 \">шт</БазоваяЕдиница></Товар>\n", g.ID, g.Barcode, g.SKU, g.Name)
	}
	w.WriteString("</Товары></Каталог></КоммерческаяИнформация>")
	return File{"import0_1.xml", w.Bytes()}
}

// Offers writes offers0_1.xml: prices and stock.
func Offers(goods []Goods, changes bool) File {
	var w bytes.Buffer
	fmt.Fprintf(&w, head+"<ПакетПредложений СодержитТолькоИзменения=\"%v\"><ТипыЦен><ТипЦены><Ид>p1</Ид><Наименование>Розничная</Наименование><Валюта>руб</Валюта></ТипЦены></ТипыЦен><Предложения>\n", changes)
	for _, g := range goods {
		fmt.Fprintf(&w, "<Предложение><Ид>%s</Ид><Артикул>%s</Артикул><Цены><Цена><ИдТипаЦены>p1</ИдТипаЦены><ЦенаЗаЕдиницу>%s</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена></Цены><Количество>%d</Количество></Предложение>\n", g.ID, g.SKU, g.Price, g.Units)
	}
	w.WriteString("</Предложения></ПакетПредложений></КоммерческаяИнформация>")
	return File{"offers0_1.xml", w.Bytes()}
}

// SomeGoods invents n articles; of every fifty one has none left.
func SomeGoods(n int) []Goods {
	out := make([]Goods, n)
	for i := range out {
		out[i] = Goods{
			ID: fmt.Sprintf("0f6a2b7c-0000-4000-8000-%012d", i), SKU: fmt.Sprintf("S%06d", i), Name: fmt.Sprintf("Товар %d", i),
			Barcode: fmt.Sprintf("46%011d", i), Price: "1 234,50", Units: int64(i % 50),
		}
	}
	return out
}
