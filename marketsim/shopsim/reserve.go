package shopsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

type wireReservation struct {
	ID      string         `json:"id"`
	Expires int64          `json:"expires_in_s"`
	Lines   []wireReserved `json:"lines"`
}

type wireReserved struct {
	SKU string `json:"sku"`
	Qty int64  `json:"qty"`
}

// Reserves tells whether the shop asks the hub before it sells.
func (m *Market) Reserves() bool { return m.opts.Reserve > 0 }

// reserve asks the hub to keep the basket's goods for the order of this id.
// Nothing but the hub's yes allows the order; what a lost answer has reserved
// expires by itself.
func (m *Market) reserve(id string, lines []marketsim.SpecLine) error {
	base := ""
	if m.opts.Hub != nil {
		base = m.opts.Hub()
	}
	if base == "" {
		return fmt.Errorf("reserve: %w", errNoHub)
	}
	cart := wireReservation{ID: id, Expires: int64(m.opts.Reserve / time.Second)}
	for _, l := range lines {
		cart.Lines = append(cart.Lines, wireReserved{SKU: l.SKU, Qty: l.Quantity})
	}
	body, err := json.Marshal(cart)
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	url := base + "/api/v1/accounts/" + m.opts.Account + "/reservations"
	req, err := http.NewRequestWithContext(m.out.ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+m.opts.Token)
	resp, err := m.opts.Client.Do(req)
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return nil
	case http.StatusConflict:
		return fmt.Errorf("reserve: %w", marketsim.ErrSoldOut)
	default:
		return fmt.Errorf("reserve: the hub answered %d", resp.StatusCode)
	}
}
