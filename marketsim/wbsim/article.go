package wbsim

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/orderhub/orderhub/marketsim"
)

// Traits is what Wildberries knows of an article beside its name.
type Traits struct {
	// CargoType: 1 small, 2 oversized (SGT), 3 large (KGT+); 0 = 1.
	CargoType int
	// CrossBorder orders go abroad and need supplies of their own.
	CrossBorder bool
	// WarehouseID is where FBS orders of the article arrive; 0 = MainWarehouse.
	WarehouseID int64
	// RequiredMeta and OptionalMeta are the labelling keys of its orders. Only
	// "sgtin" can be filled in this simulator.
	RequiredMeta, OptionalMeta []string
}

// DefaultTraits makes most articles plain, one of sixteen large and one of
// sixteen from the second warehouse, by a hash of the name.
func DefaultTraits(article string) Traits {
	switch hashOf(article) % 16 {
	case 3:
		return Traits{CargoType: 3}
	case 7:
		return Traits{WarehouseID: SecondWarehouse}
	default:
		return Traits{}
	}
}

// ChrtID is the size id of an article, the key of its stock: beyond 32 bits, as
// the newest ones are. Among very many articles in the catalogue two may meet; the
// later one gets the next free number.
func ChrtID(article string) int64 { return 3_000_000_000 + int64(hashOf(article)>>16%6_000_000_000) }

// article is the identity of goods in Wildberries' words.
type article struct {
	name    string // the seller's article
	nmID    int64
	chrtID  int64
	barcode string
}

func newArticle(name string) article {
	h := hashOf(name)
	return article{
		name: name, chrtID: ChrtID(name),
		nmID:    100_000_000 + int64(h>>20%900_000_000),
		barcode: marketsim.Barcode(name),
	}
}

// hashOf spreads a text over 64 bits; FNV alone leaves the low bits poor.
func hashOf(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return rand.NewPCG(h.Sum64(), 7).Uint64()
}
