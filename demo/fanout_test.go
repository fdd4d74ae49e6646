package demo_test

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestFanout: every sale reaches every other channel. How fast is for the bench.
func TestFanout(t *testing.T) {
	if testing.Short() {
		t.Skip("sells for some seconds")
	}
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, engine)
			r, err := demo.Fanout(t.Context(), demo.FanoutOptions{DSN: cfg.DSN, Secret: cfg.Secret, Goods: 50, PerSecond: 10, For: 3 * time.Second, Pace: 0.05})
			if err != nil {
				t.Fatal(err)
			}
			if r.Orders != 30 || r.Pairs+r.PolledPairs < 90 || r.Missing != 0 || r.Requests == 0 || r.Figures < r.Requests || r.Told[0] <= 0 {
				t.Errorf("%+v", r)
			}
			t.Logf("%+v", r)
		})
	}
}

// TestFigures: all listings get their first figures and are read at night.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("fills some hundred listings")
	}
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, engine)
			reports, err := demo.Figures(t.Context(), demo.FiguresOptions{DSN: cfg.DSN, Secret: cfg.Secret, Listings: 1500, Pace: 0.02})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reports {
				if r.Listings != 1500 || r.First <= 0 || r.Night <= 0 || r.Calls == 0 || r.Refused != 0 || r.Differ != 0 {
					t.Errorf("%+v", r)
				}
			}
			if len(reports) != 3 {
				t.Errorf("%d accounts", len(reports))
			}
		})
	}
}
