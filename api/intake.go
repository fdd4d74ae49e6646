package api

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/site"
)

// Taken is the answer to an order that a shop sent in.
type Taken struct {
	OrderCard
	Created bool `json:"created" doc:"True when the hub had not seen the order before."`
	Stale   bool `json:"stale,omitempty" doc:"True when the hub already had a later version; nothing changed."`
	// Return is set when the message was about a return.
	Return *ReturnRow `json:"return,omitempty" doc:"Set when a return was sent in. The rest is its order then, empty as long as the hub does not have it."`
}

// kindOf tells by which kind a shop's message is kept: {"return": …} is about a
// return.
func kindOf(body []byte) string {
	var m struct {
		Return json.RawMessage `json:"return"`
		Order  json.RawMessage `json:"order"`
	}
	if json.Unmarshal(body, &m) == nil && m.Return != nil && m.Order == nil {
		return site.KindReturn
	}
	return "site_order"
}

func (a *API) intake(h huma.API) {
	type in struct {
		Account     string `path:"account"`
		ContentType string `header:"Content-Type" hidden:"true"`
		RawBody     []byte `contentType:"application/json"`
	}
	type out struct {
		Status int
		Body   Taken
	}
	o := op("send-order", http.MethodPost, "/accounts/{account}/orders", "Intake", "Send in an order, or a return, of the shop's own site", http.StatusConflict)
	o.Description = "Idempotent by id: the same order may be sent any number of times. A change carries a higher version; an older version changes nothing; the same version with other content is refused (409). A cancel is status \"cancelled\" with a higher version. A return is {\"return\": {...}} and goes the same way. The field named in an error is the one to mend."
	o.DefaultStatus = http.StatusOK
	o.Responses = map[string]*huma.Response{"201": {
		Description: "The hub had not seen the order before.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Taken](), true, "Taken")}},
	}}
	o.SkipValidateBody = true // the adapter checks, and names the field
	huma.Register(h, o, func(ctx context.Context, in *in) (*out, error) {
		if err := a.readable(ctx, in.Account, in.ContentType, in.RawBody); err != nil {
			return nil, err
		}
		res, err := a.hub.Submit(ctx, in.Account, kindOf(in.RawBody), json.RawMessage(in.RawBody))
		if err != nil {
			return nil, a.problem(err)
		}
		card, err := a.cardOf(ctx, res.Order)
		if err != nil {
			return nil, a.problem(err)
		}
		status := http.StatusOK
		if res.Created {
			status = http.StatusCreated
		}
		taken := Taken{OrderCard: card, Created: res.Created, Stale: res.Verdict == orderhub.NewsRefused}
		if res.Return != nil {
			row := returnRow(res.Return)
			taken.Return = &row
		}
		return &out{Status: status, Body: taken}, nil
	})
	publishSite(a.doc, a.doc.Paths[o.Path].Post)
}

// readable refuses what is no order before anything looks into it.
func (a *API) readable(ctx context.Context, account, contentType string, body []byte) error {
	if err := a.connected(ctx, account); err != nil {
		return a.problem(err)
	}
	if mt, _, err := mime.ParseMediaType(contentType); contentType != "" && (err != nil || (mt != "application/json" && !strings.HasSuffix(mt, "+json"))) {
		return newProblem(http.StatusUnsupportedMediaType, msgMediaType)
	}
	if err := checkJSON(body); err != nil {
		p := newProblem(http.StatusBadRequest, err.Error())
		if m := namedPattern.FindStringSubmatch(p.Detail); m != nil {
			p.Field = m[1]
		}
		return p
	}
	return nil
}

// publishSite puts the site adapter's JSON Schema into the document as
// SiteOrder. Its definitions become schemas of their own, because a reference
// means the whole document there.
func publishSite(doc *huma.OpenAPI, o *huma.Operation) {
	text := strings.ReplaceAll(string(site.Schema()), `"#/$defs/`, `"#/components/schemas/SiteOrder-`)
	var words map[string]any
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		panic(fmt.Sprintf("the site's schema cannot be read: %v", err))
	}
	defs, _ := words["$defs"].(map[string]any)
	for _, k := range []string{"$schema", "$id", "$defs"} {
		delete(words, k)
	}
	schemas := doc.Components.Schemas.Map()
	schemas["SiteOrder"] = &huma.Schema{Extensions: words}
	for name, def := range defs {
		words, _ := def.(map[string]any)
		schemas["SiteOrder-"+name] = &huma.Schema{Extensions: words}
	}
	o.RequestBody.Content = map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/SiteOrder"}}}
}
