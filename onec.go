package orderhub

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// OnecState is how an exchange with a 1C stands.
type OnecState string

// The states of an exchange.
const (
	OnecActive  OnecState = "active"
	OnecPaused  OnecState = "paused" // its 1C is refused at the door
	OnecRemoved OnecState = "removed"
)

// OnecFlavour is what kind of client speaks to the hub.
type OnecFlavour string

// The flavours. They differ in what counts as an acknowledgement.
const (
	OnecGeneric   OnecFlavour = "generic"    // УТ, КА, ERP, Розница, УНФ
	OnecUNFBitrix OnecFlavour = "unf_bitrix" // УНФ set to CMS "1С-Битрикс"
	// OnecBitrix is 1C-Bitrix' own module in 1C: it asks again and again and may
	// never say success, so its next question is the acknowledgement.
	OnecBitrix OnecFlavour = "bitrix"
)

// OnecMaster is whose word counts for a kind of facts.
type OnecMaster string

// The masters.
const (
	MasterHub  OnecMaster = "hub"
	MasterOnec OnecMaster = "1c"
)

// OnecSettings are what an exchange has agreed on with its 1C.
type OnecSettings struct {
	Flavour  OnecFlavour `json:"flavour"`
	Version  string      `json:"version"`  // of CommerceML: 2.05, 2.08, 2.09, 2.10
	Encoding string      `json:"encoding"` // UTF-8 or windows-1251
	// Batch is how many orders one answer holds: 1C takes all of them or none.
	Batch int `json:"batch"`
	// Patience is how many answers without success there may be until orders are
	// offered one by one.
	Patience int `json:"patience"`
	// Zone is the shop's time zone by its IANA name.
	Zone string `json:"zone"`
	// FileLimit is the size of the parts, in bytes, in which 1C sends its files.
	FileLimit int64 `json:"file_limit"`
	// Buyers name the counterparty of an account's orders; without one it is the
	// order's own buyer.
	Buyers map[string]string `json:"buyers,omitempty"`
	// StatusesOut are 1C's words for the hub's statuses, StatusesIn the hub's
	// statuses for 1C's words.
	StatusesOut map[Status]string `json:"statuses_out,omitempty"`
	StatusesIn  map[string]Status `json:"statuses_in,omitempty"`
	// Stock, Status and Products tell who is the master of them.
	Stock    OnecMaster `json:"stock"`
	Status   OnecMaster `json:"status"`
	Products OnecMaster `json:"products"`
	// Warehouses are 1C's ids of the warehouses that count; none = the total.
	Warehouses []string `json:"warehouses,omitempty"`
	// CancelReasons are the reasons, by kind of channel, with which an order is
	// cancelled there when 1C has cancelled it.
	CancelReasons map[Channel]string `json:"cancel_reasons,omitempty"`
	// DemandSession refuses requests without the sessid that the login gave.
	DemandSession bool `json:"demand_session,omitempty"`
	// OrdersSince leaves out what was placed earlier.
	OrdersSince time.Time `json:"orders_since,omitzero"`
}

// WithDefaults fills in what is not set.
func (s OnecSettings) WithDefaults() OnecSettings {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set((*string)(&s.Flavour), string(OnecGeneric))
	set(&s.Version, "2.08")
	set(&s.Encoding, "UTF-8")
	set(&s.Zone, "Europe/Moscow")
	set((*string)(&s.Stock), string(MasterHub))
	set((*string)(&s.Status), string(MasterOnec))
	set((*string)(&s.Products), string(MasterHub))
	if s.Batch == 0 {
		s.Batch = 50
	}
	if s.Patience == 0 {
		s.Patience = 3
	}
	if s.FileLimit == 0 {
		s.FileLimit = 1_000_000 // below what most reverse proxies take
	}
	return s
}

// Check refuses settings that no exchange can have, naming the field.
func (s OnecSettings) Check() error {
	switch {
	case s.Flavour != OnecGeneric && s.Flavour != OnecUNFBitrix && s.Flavour != OnecBitrix:
		return InvalidField("flavour", "%q is not known; allowed: generic, unf_bitrix, bitrix", clip(string(s.Flavour), 40))
	case !slices.Contains([]string{"2.05", "2.08", "2.09", "2.10"}, s.Version):
		return InvalidField("version", "%q is not known; allowed: 2.05, 2.08, 2.09, 2.10", clip(s.Version, 40))
	case s.Encoding != "UTF-8" && s.Encoding != "windows-1251":
		return InvalidField("encoding", "%q is not known; allowed: UTF-8, windows-1251", clip(s.Encoding, 40))
	case s.Batch < 1 || s.Batch > 500:
		return InvalidField("batch", "%d; allowed: 1 to 500", s.Batch)
	case s.Patience < 1 || s.Patience > 100:
		return InvalidField("patience", "%d; allowed: 1 to 100", s.Patience)
	case s.FileLimit < 10_000 || s.FileLimit > 64<<20:
		return InvalidField("file_limit", "%d; allowed: 10000 to %d", s.FileLimit, 64<<20)
	case len(s.Warehouses) > 1000:
		return InvalidField("warehouses", "%d of them; allowed: up to 1000", len(s.Warehouses))
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" {
		return InvalidField("zone", "%q is not a time zone; want a name like Europe/Moscow", clip(s.Zone, 40))
	}
	for field, m := range map[string]OnecMaster{"stock": s.Stock, "status": s.Status, "products": s.Products} {
		if m != MasterHub && m != MasterOnec {
			return InvalidField(field, "%q is not known; allowed: hub, 1c", clip(string(m), 40))
		}
	}
	return s.checkWords()
}

func (s OnecSettings) checkWords() error {
	for status, word := range s.StatusesOut {
		if _, err := ParseStatus(string(status)); err != nil {
			return InvalidField("statuses_out", "%q is not a status of the hub", clip(string(status), 40))
		}
		if strings.TrimSpace(word) == "" || len(word) > 500 {
			return InvalidField("statuses_out", "the word for %s has %d bytes; allowed: 1 to 500", status, len(word))
		}
	}
	for word, status := range s.StatusesIn {
		if _, err := ParseStatus(string(status)); err != nil || len(word) > 500 {
			return InvalidField("statuses_in", "%q: %q is not a status of the hub", clip(word, 40), clip(string(status), 40))
		}
	}
	for account, name := range s.Buyers {
		if name = strings.TrimSpace(name); name == "" || len(name) > 500 {
			return InvalidField("buyers", "the name for %q has %d bytes; allowed: 1 to 500", clip(account, 40), len(name))
		}
	}
	return nil
}

// StatusWord is 1C's word for a status.
func (s OnecSettings) StatusWord(status Status) string {
	if w := s.StatusesOut[status]; w != "" {
		return w
	}
	switch status {
	case StatusUnknown:
		return "Неизвестен"
	case StatusPending:
		return "Ожидает"
	case StatusNew:
		return "Новый"
	case StatusConfirmed:
		return "Подтверждён"
	case StatusPacked:
		return "Собран"
	case StatusShipped:
		return "Отгружен"
	case StatusReadyForPickup:
		return "Ждёт получения"
	case StatusDelivered:
		return "Выполнен"
	case StatusCancelled:
		return "Отменён"
	case StatusPartiallyReturned:
		return "Возвращён частично"
	case StatusReturned:
		return "Возвращён"
	}
	return string(status)
}

// OnecNode is one 1C that exchanges with the hub, and how that goes.
type OnecNode struct {
	ID       int64
	Name     string
	Login    string
	State    OnecState
	Settings OnecSettings
	// SeenAt is its last request, TakenAt when it last took orders, Error what went
	// wrong last, in words for people.
	SeenAt, TakenAt time.Time
	Error           string
	ErrorAt         time.Time
	// Unanswered counts answers with orders since the last success.
	Unanswered int
	// FullAt is when a whole list of offers began of which further portions may
	// come, GoodsAt when the last file of goods was read.
	FullAt, GoodsAt time.Time
	CreatedAt       time.Time
}

// Actor is the node as events name it.
func (n OnecNode) Actor() Actor { return Actor{Kind: ActorAPI, Name: "onec:" + n.Name} }

// OnecConflict is something that hub and 1C do not agree on: a person decides.
type OnecConflict struct {
	ID     int64
	NodeID int64
	// OrderID is the order's number, 0 = about none that the hub knows.
	OrderID int64
	Field   OnecField
	// Wanted is what 1C wanted, or was to take; Why says what forbids it.
	Wanted, Why string
	State       OnecConflictState
	CreatedAt   time.Time
	DoneAt      time.Time
	DoneBy      string
}

// OnecField is what a conflict is about.
type OnecField string

// The fields of conflicts.
const (
	OnecFieldRefused  OnecField = "refused"   // the order cannot be written for 1C
	OnecFieldSticking OnecField = "sticking"  // 1C does not take the order
	OnecFieldStatus   OnecField = "status"    // Wanted is a status of the hub
	OnecFieldTracking OnecField = "tracking"  // Wanted is a tracking number
	OnecFieldLines    OnecField = "lines"     // 1C has other rows
	OnecFieldNumber   OnecField = "number"    // 1C names an order that the hub has not
	OnecFieldTooLate  OnecField = "too_late"  // 1C ignores changes of an order that it has approved
	OnecFieldFullList OnecField = "full_list" // a whole list of goods did not arrive whole
)

// OnecConflictState is whether somebody has seen to a conflict.
type OnecConflictState string

// The states of conflicts.
const (
	OnecConflictOpen OnecConflictState = "open"
	OnecConflictDone OnecConflictState = "done"
)

// OnecFile is a file that a 1C sent, and what became of it.
type OnecFile struct {
	ID                    int64
	NodeID                int64
	Session               int64
	Name                  string
	State                 OnecFileState
	Rows, Bad             int64
	Report                []OnecBadRow // the first of the bad ones
	Error                 string
	StartedAt, FinishedAt time.Time
}

// OnecFileState is how far the reading of a file is.
type OnecFileState string

// The states of files.
const (
	OnecFileRunning OnecFileState = "running"
	OnecFileDone    OnecFileState = "done"
	OnecFileFailed  OnecFileState = "failed"
)

// OnecBadRow is a row of a file that was left out.
type OnecBadRow struct {
	Row int64  `json:"row"` // of its kind, from 1
	ID  string `json:"id"`
	Why string `json:"why"`
}

// OnecSession is what a login gave.
type OnecSession struct {
	ID     int64
	NodeID int64
	SeenAt time.Time
}

// OnecProgress tells how far the reading of a file is; others may look meanwhile.
type OnecProgress struct{ rows, bad atomic.Int64 }

// AddRow counts a row and gives its number, from 1.
func (p *OnecProgress) AddRow() int64 { return p.rows.Add(1) }

// AddBad counts a row that was left out.
func (p *OnecProgress) AddBad() { p.bad.Add(1) }

// Rows are the rows read.
func (p *OnecProgress) Rows() int64 { return p.rows.Load() }

// Bad are those of them that were left out.
func (p *OnecProgress) Bad() int64 { return p.bad.Load() }
