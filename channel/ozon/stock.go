package ozon

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// pairPause is the least pause between two figures of one offer in one warehouse.
const pairPause = 30 * time.Second

// wordTooOften is Ozon's word for a pair that was written within the pause.
const wordTooOften = "TOO_MANY_REQUESTS"

// stockSentences explains the refusals of a figure that the document lists
// (Errors, /v2/products/stocks).
var stockSentences = map[string]string{
	wordTooOften:             "this offer's stock was set less than 30 seconds ago",
	"product_is_not_created": "the offer has not passed Ozon's moderation yet; it takes stock from the status price_sent on",
	"offer_id_not_found":     "the account has no offer with this article",
	"NOT_FOUND_ERROR":        "the account has no such offer",
	"FLAMMABLE_ONLY_ON_SELF_OR_PROVIDER_DELIVERY": "flammable goods can be sold only from a warehouse that the seller or another carrier delivers from",
	"WAREHOUSE_NOT_FOUND":                         "the account has no active warehouse with the number in the setting " + settingWarehouse,
	"PRODUCT_HAS_NOT_BEEN_TAGGED_YET":             "Ozon has not decided yet whether the goods are oversized; size or weight may be missing",
	"NON_KGT_ON_KGT_WAREHOUSE":                    "the warehouse takes oversized goods only",
	"MP_DELIVERY_ONLY_3PL_ERROR":                  "the goods cannot be sold from a warehouse that ships with Ozon's logistics",
	"MULTIBOX_NOT_ALLOWED_FOR_FBS":                "goods in several boxes cannot be one offer under FBS",
	"OVER_MAX_OVH_NON_KGT":                        "oversized goods cannot be sold from this warehouse",
	"OVER_MAX_OVH_KGT":                            "size or weight of the goods is over what the warehouse takes",
	"SOURCE_TYPE_NOT_FOUND":                       "the offer has no SKU at Ozon: it was not created properly",
	"STOCK_TOO_BIG":                               "the figure must be below a million",
	"SIZE_REQUIRED_FOR_NOT_UNIQUE_OFFER_ID":       "another offer has the same article",
	"CB_DELIVERY_ONLY_FBP":                        "the goods can be sold from an FBP warehouse only",
	"PRODUCT_IS_ARCHIVED":                         "the offer is in the archive; take it out to sell it again",
}

// noWarehouse refuses a call about stock before it is made.
func noWarehouse(path string) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, "ozon: POST "+path,
		"the setting "+settingWarehouse+" is empty: fill in the number of the FBS warehouse whose stock the hub publishes", nil)
}

// PushStock sets figures in the account's warehouse, all in one call.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if a.warehouse == "" {
		return nil, noWarehouse(pathStocks)
	}
	out := make([]channel.StockResult, len(figures))
	var pairs []stockPair
	var at []int
	for i, f := range figures {
		p := stockPair{Stock: f.Quantity, WarehouseID: json.Number(a.warehouse)}
		if id := f.Listing.Aliases[aliasProduct]; idPattern.MatchString(id) {
			p.ProductID = json.Number(id)
		} else if p.OfferID = cmp.Or(f.Listing.Article, f.Listing.Aliases[aliasOffer]); p.OfferID == "" {
			out[i] = notTaken(a.fail(orderhub.ClassRejected, pathStocks, "neither product_id nor article of the offer is known; read the catalogue first", ""))
			continue
		}
		pairs = append(pairs, p)
		at = append(at, i)
	}
	if len(pairs) == 0 {
		return out, nil
	}
	rows, err := a.setStocks(ctx, pairs)
	if err != nil {
		return nil, err
	}
	for j, i := range at {
		out[i] = a.stockResult(pairs[j], rows)
	}
	return out, nil
}

func notTaken(err error) channel.StockResult {
	return channel.StockResult{Outcome: channel.OutcomeFailed, Err: err}
}

// stockResult finds a figure's row in the answer.
func (a *adapter) stockResult(p stockPair, rows []stockRow) channel.StockResult {
	at := slices.IndexFunc(rows, p.answeredBy)
	switch {
	case at < 0:
		return notTaken(a.fail(orderhub.ClassUncertain, pathStocks, "the answer does not mention the offer", ""))
	case rows[at].Updated == "true":
		return channel.StockResult{Outcome: channel.OutcomeAccepted}
	}
	return notTaken(a.stockError(rows[at].Errors.v))
}

// answeredBy: Ozon answers with the ids that it knows, at least with the one
// that was sent.
func (p stockPair) answeredBy(row stockRow) bool {
	if row.WarehouseID != "" && string(row.WarehouseID) != string(p.WarehouseID) {
		return false
	}
	if p.ProductID != "" {
		return string(row.ProductID) == string(p.ProductID)
	}
	return string(row.OfferID) == p.OfferID
}

// stockError sorts the errors of a row. A refusal that the document lists is
// final; any other may pass: setting a figure again does no harm.
func (a *adapter) stockError(faults []stockFault) *orderhub.BorderError {
	class, code := orderhub.ClassRetry, ""
	var words []string
	for _, f := range faults {
		word := f.word()
		code = cmp.Or(code, word)
		if word == wordTooOften {
			e := a.fail(orderhub.ClassRateLimited, pathStocks, stockSentences[word], word)
			e.RetryAfter = pairPause
			return e
		}
		said := stockSentences[word]
		if said != "" {
			class = orderhub.ClassRejected
		} else {
			// A message that may quote somebody is dropped, its code stays.
			said = sentence(strings.TrimSpace(string(f.Code+" "+f.Message)), sentence(string(f.Code), ""))
		}
		if said != "" && !slices.Contains(words, said) {
			words = append(words, said)
		}
	}
	if len(words) == 0 {
		words = []string{"Ozon did not take the figure and gave no reason"}
	}
	return a.fail(class, pathStocks, rest.Clean(strings.Join(words, "; "), a.apiKey), rest.Clean(code, a.apiKey))
}

// word is the error's code as the document writes it. Codes stand in code or in
// message, and the pause has two names.
func (f stockFault) word() string {
	code, message := strings.TrimSpace(string(f.Code)), strings.TrimSpace(string(f.Message))
	for _, w := range []string{code, message, errorWord.FindString(message)} {
		if strings.Contains(strings.ToLower(w), "updated too frequently") {
			return wordTooOften
		}
		if _, known := stockSentences[w]; known {
			return w
		}
	}
	return code
}

// maxStockPages is far above any real answer: 1000 SKUs in 200 warehouses.
const maxStockPages = 200

// ReadStock reads what is free for sale in the account's warehouse.
func (a *adapter) ReadStock(ctx context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	if a.warehouse == "" {
		return nil, noWarehouse(pathStockInfo)
	}
	var skus []string
	open := map[string]bool{} // asked and not seen yet
	for _, l := range listings {
		if idPattern.MatchString(l.Key) && !open[l.Key] {
			open[l.Key] = true
			skus = append(skus, l.Key)
		}
	}
	var out []channel.StockShown
	cursor := ""
	for page := 0; len(open) > 0 && page < maxStockPages; page++ {
		answer, err := a.stocksOf(ctx, skus, cursor)
		if err != nil {
			return nil, err
		}
		for _, row := range *answer.Products {
			free, err := strconv.ParseInt(string(row.Free), 10, 64)
			if err != nil || string(row.WarehouseID) != a.warehouse || !open[string(row.SKU)] {
				continue
			}
			delete(open, string(row.SKU))
			out = append(out, channel.StockShown{Key: string(row.SKU), Quantity: free})
		}
		if answer.HasNext != "true" || answer.Cursor == "" || string(answer.Cursor) == cursor {
			break
		}
		cursor = string(answer.Cursor)
	}
	return out, nil
}
