package demo

import (
	"encoding/json"
	"time"

	"github.com/orderhub/orderhub/channel/rest"
)

type listReply struct {
	Orders []json.RawMessage
	// Last is the change number to go on from; More: there are further pages.
	Last rest.Text
	More bool
}

type wireOrder struct {
	ID        rest.Text
	Number    rest.Text
	Status    string
	Why       string
	Delivery  string
	PlacedAt  time.Time `json:"placed_at"`
	ChangedAt time.Time `json:"changed_at"`
	Lines     []wireLine
	Total     rest.Text
	Currency  string
	Buyer     struct{ Name, Phone string }
}

type wireLine struct {
	SKU   rest.Text
	Title string
	Qty   rest.Text
	Price rest.Text
}

type wireMove struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

type wireResult struct {
	ID    rest.Text
	OK    bool
	Error wireError
}

type wireError struct{ Code, Text string }

type wireMe struct {
	Name   string
	Rights []string
}
