package demo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
)

// TestScarceGoods lets buyers of all channels fight for few units while answers
// get lost: strict sells nothing twice, shared no more than the hub had stated.
func TestScarceGoods(t *testing.T) {
	if testing.Short() {
		t.Skip("runs demos for a minute each")
	}
	faults, _ := marketsim.FaultLevel("hard")
	for _, policy := range []orderhub.OversellPolicy{orderhub.OversellStrict, orderhub.OversellShared} {
		t.Run(string(policy), func(t *testing.T) {
			rep, err := demo.Run(t.Context(), demo.Options{For: 15 * time.Second, Orders: 300, Seed: 5, Faults: faults, Policy: policy})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Goods == nil || rep.Goods.Sold == 0 {
				t.Fatalf("nothing was sold: %+v", rep.Goods)
			}
			if !rep.OK {
				b, _ := json.MarshalIndent(rep, "", "  ")
				t.Errorf("the books differ:\n%s", b)
			}
		})
	}
}
