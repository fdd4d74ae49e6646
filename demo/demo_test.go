package demo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
)

func TestDemoHard(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a demo for half a minute")
	}
	faults, _ := marketsim.FaultLevel("hard")
	rep, err := demo.Run(t.Context(), demo.Options{For: 10 * time.Second, Orders: 300, Seed: 7, Faults: faults, Onec: true, Shops: true})
	if err != nil {
		t.Fatal(err)
	}
	if !rep.OK {
		b, _ := json.MarshalIndent(rep, "", "  ")
		t.Errorf("the hub's ledger differs from the books:\n%s", b)
	}
}
