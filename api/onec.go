package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// OnecBody is an exchange with a 1C to add or to change; what is absent stays, or
// is the default of a new one.
type OnecBody struct {
	Name          *string               `json:"name,omitempty" maxLength:"100"`
	Login         *string               `json:"login,omitempty" maxLength:"100" doc:"What 1C logs in with; absent = the name."`
	State         *orderhub.OnecState   `json:"state,omitempty" enum:"active,paused"`
	Flavour       *orderhub.OnecFlavour `json:"flavour,omitempty" enum:"generic,unf_bitrix,bitrix" doc:"generic: УТ, КА, ERP, Розница, УНФ; unf_bitrix: УНФ set to CMS 1С-Битрикс; bitrix: the module of 1C-Bitrix, which never says success."`
	Version       *string               `json:"version,omitempty" enum:"2.05,2.08,2.09,2.10" doc:"Of CommerceML; default 2.08."`
	Encoding      *string               `json:"encoding,omitempty" enum:"UTF-8,windows-1251"`
	Batch         *int                  `json:"batch,omitempty" minimum:"1" maximum:"500" doc:"Orders in one answer; default 50. 1C takes all of them or none."`
	Patience      *int                  `json:"patience,omitempty" minimum:"1" maximum:"100" doc:"Answers without success until orders are offered one by one; default 3."`
	Zone          *string               `json:"zone,omitempty" doc:"The shop's time zone; default Europe/Moscow."`
	FileLimit     *int64                `json:"file_limit,omitempty" minimum:"10000" maximum:"67108864" doc:"Bytes of a part in which 1C sends its files; default 1000000. Keep it below the limit of your reverse proxy."`
	Buyers        map[string]string     `json:"buyers,omitempty" maxProperties:"1000" doc:"The counterparty's name by account, * for all others; without one it is the order's own buyer."`
	StatusesOut   map[string]string     `json:"statuses_out,omitempty" maxProperties:"100" doc:"1C's word by status of the hub."`
	StatusesIn    map[string]string     `json:"statuses_in,omitempty" maxProperties:"1000" doc:"The hub's status by word of 1C; goes before what is derived from payment, shipment and cancellation."`
	CancelReasons map[string]string     `json:"cancel_reasons,omitempty" maxProperties:"100" doc:"By kind of channel, the reason with which an order is cancelled there when 1C has cancelled it."`
	Stock         *orderhub.OnecMaster  `json:"stock,omitempty" enum:"hub,1c" doc:"Who counts the stock; default hub."`
	Status        *orderhub.OnecMaster  `json:"status,omitempty" enum:"hub,1c" doc:"1c: what happens to an order in 1C is asked of the hub; default 1c."`
	Products      *orderhub.OnecMaster  `json:"products,omitempty" enum:"hub,1c" doc:"1c: products are made and changed by 1C's catalogue; default hub."`
	Warehouses    []string              `json:"warehouses,omitempty" maxItems:"1000" doc:"1C's ids of the warehouses that count; none = the total that it sends."`
	DemandSession *bool                 `json:"demand_session,omitempty" doc:"Refuse requests without sessid."`
	OrdersSince   *time.Time            `json:"orders_since,omitempty" doc:"Leave out orders placed earlier; default: when the exchange was added."`
}

// OnecView is an exchange as it stands.
type OnecView struct {
	ID int64 `json:"id"`
	OnecBody
	Password   string     `json:"password,omitempty" doc:"Shown once."`
	SeenAt     *time.Time `json:"seen_at,omitempty" doc:"When it logged in last."`
	TakenAt    *time.Time `json:"taken_at,omitempty" doc:"When it took orders last."`
	Problem    string     `json:"problem,omitempty" doc:"What went wrong last."`
	ProblemAt  *time.Time `json:"problem_at,omitempty"`
	Unanswered int        `json:"unanswered" doc:"Answers with orders since its last success."`
	CreatedAt  time.Time  `json:"created_at"`
}

// OnecStateView is how an exchange goes.
type OnecStateView struct {
	OnecView
	Due       int64              `json:"due" doc:"Orders with something that it has not taken yet."`
	Sticking  int64              `json:"sticking" doc:"Those of them that it does not take even alone."`
	Conflicts []OnecConflictView `json:"conflicts" doc:"The newest open ones."`
	Files     []OnecFileView     `json:"files" doc:"What it sent last."`
}

// OnecFileView is a file that a 1C sent.
type OnecFileView struct {
	ID       int64                  `json:"id"`
	Name     string                 `json:"name"`
	State    orderhub.OnecFileState `json:"state"`
	Rows     int64                  `json:"rows"`
	Bad      int64                  `json:"bad"`
	Report   []orderhub.OnecBadRow  `json:"report,omitempty" doc:"The first of the rows that were left out."`
	Problem  string                 `json:"problem,omitempty"`
	Started  time.Time              `json:"started_at"`
	Finished *time.Time             `json:"finished_at,omitempty"`
}

// OnecConflictView is something that hub and 1C do not agree on.
type OnecConflictView struct {
	ID        int64                      `json:"id"`
	Node      int64                      `json:"node"`
	Number    int64                      `json:"number,omitempty" doc:"The order; absent = about none that the hub knows."`
	Field     orderhub.OnecField         `json:"field" enum:"refused,sticking,status,tracking,lines,number,too_late,full_list"`
	Wanted    string                     `json:"wanted,omitempty"`
	Why       string                     `json:"why"`
	State     orderhub.OnecConflictState `json:"state" enum:"open,done"`
	CreatedAt time.Time                  `json:"created_at"`
	DoneAt    *time.Time                 `json:"done_at,omitempty"`
	DoneBy    string                     `json:"done_by,omitempty"`
}

// OnecList lists exchanges.
type OnecList struct {
	Nodes []OnecView `json:"nodes"`
}

// OnecConflictList lists conflicts, newest first.
type OnecConflictList struct {
	Conflicts []OnecConflictView `json:"conflicts"`
	Next      int64              `json:"next,omitempty" doc:"Give it as before to read on; absent = this is the end."`
}

// OnecResend says what a 1C is to be given again.
type OnecResend struct {
	Since   *time.Time `json:"since,omitempty" doc:"Orders placed since then."`
	Numbers []int64    `json:"numbers,omitempty" maxItems:"1000" doc:"Orders by number."`
}

// OnecResent tells how many orders will be given again.
type OnecResent struct {
	Orders int64 `json:"orders"`
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// apply lays the body over a node.
func (b OnecBody) apply(n *orderhub.OnecNode) {
	s := &n.Settings
	set(&n.Name, b.Name)
	set(&n.Login, b.Login)
	set(&n.State, b.State)
	set(&s.Flavour, b.Flavour)
	set(&s.Version, b.Version)
	set(&s.Encoding, b.Encoding)
	set(&s.Batch, b.Batch)
	set(&s.Patience, b.Patience)
	set(&s.Zone, b.Zone)
	set(&s.FileLimit, b.FileLimit)
	set(&s.Stock, b.Stock)
	set(&s.Status, b.Status)
	set(&s.Products, b.Products)
	set(&s.DemandSession, b.DemandSession)
	set(&s.OrdersSince, b.OrdersSince)
	if b.Buyers != nil {
		s.Buyers = b.Buyers
	}
	if b.Warehouses != nil {
		s.Warehouses = b.Warehouses
	}
	if b.StatusesOut != nil {
		s.StatusesOut = map[orderhub.Status]string{}
		for k, v := range b.StatusesOut {
			s.StatusesOut[orderhub.Status(k)] = v
		}
	}
	if b.StatusesIn != nil {
		s.StatusesIn = map[string]orderhub.Status{}
		for k, v := range b.StatusesIn {
			s.StatusesIn[k] = orderhub.Status(v)
		}
	}
	if b.CancelReasons != nil {
		s.CancelReasons = map[orderhub.Channel]string{}
		for k, v := range b.CancelReasons {
			s.CancelReasons[orderhub.Channel(k)] = v
		}
	}
}

func onecView(n orderhub.OnecNode) OnecView {
	s := n.Settings
	v := OnecView{ID: n.ID, SeenAt: timeOrNil(n.SeenAt), TakenAt: timeOrNil(n.TakenAt), Problem: n.Error, ProblemAt: timeOrNil(n.ErrorAt),
		Unanswered: n.Unanswered, CreatedAt: n.CreatedAt, OnecBody: OnecBody{
			Name: &n.Name, Login: &n.Login, State: &n.State, Flavour: &s.Flavour, Version: &s.Version, Encoding: &s.Encoding, Batch: &s.Batch,
			Patience: &s.Patience, Zone: &s.Zone, FileLimit: &s.FileLimit, Buyers: s.Buyers, Stock: &s.Stock, Status: &s.Status, Products: &s.Products,
			Warehouses: s.Warehouses, DemandSession: &s.DemandSession, OrdersSince: timeOrNil(s.OrdersSince),
			StatusesOut: map[string]string{}, StatusesIn: map[string]string{}, CancelReasons: map[string]string{},
		}}
	for k, w := range s.StatusesOut {
		v.StatusesOut[string(k)] = w
	}
	for k, w := range s.StatusesIn {
		v.StatusesIn[k] = string(w)
	}
	for k, w := range s.CancelReasons {
		v.CancelReasons[string(k)] = w
	}
	return v
}

func onecConflictView(c orderhub.OnecConflict) OnecConflictView {
	return OnecConflictView{ID: c.ID, Node: c.NodeID, Number: c.OrderID, Field: c.Field, Wanted: c.Wanted, Why: c.Why, State: c.State,
		CreatedAt: c.CreatedAt, DoneAt: timeOrNil(c.DoneAt), DoneBy: c.DoneBy}
}

const onecTag = "1C"

func (a *API) onec(h huma.API) {
	huma.Register(h, op("list-onec-nodes", http.MethodGet, "/onec/nodes", onecTag, "List the exchanges with 1C"),
		func(ctx context.Context, _ *struct{}) (*body[OnecList], error) {
			list, err := a.store.OnecNodes(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := OnecList{Nodes: []OnecView{}}
			for _, n := range list {
				out.Nodes = append(out.Nodes, onecView(n))
			}
			return answer(out), nil
		})
	type addIn struct{ Body OnecBody }
	add := op("add-onec-node", http.MethodPost, "/onec/nodes", onecTag, "Add an exchange with a 1C; its password is in the answer and never again", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[OnecView], error) {
		var n orderhub.OnecNode
		in.Body.apply(&n)
		n, password, err := a.hub.AddOnecNode(ctx, n)
		if err != nil {
			return nil, a.problem(err)
		}
		v := onecView(n)
		v.Password = password
		return answer(v), nil
	})
	huma.Register(h, op("get-onec-node", http.MethodGet, "/onec/nodes/{id}", onecTag, "Read an exchange and how it goes"),
		func(ctx context.Context, in *idPath) (*body[OnecStateView], error) { return a.onecState(ctx, in.ID) })
	type changeIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body OnecBody
	}
	huma.Register(h, op("change-onec-node", http.MethodPatch, "/onec/nodes/{id}", onecTag, "Change an exchange", http.StatusConflict),
		func(ctx context.Context, in *changeIn) (*body[OnecView], error) {
			n, _, err := a.hub.ChangeOnecNode(ctx, in.ID, false, in.Body.apply)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(onecView(n)), nil
		})
	huma.Register(h, op("renew-onec-password", http.MethodPost, "/onec/nodes/{id}/password", onecTag, "Give an exchange a new password; its sessions end"),
		func(ctx context.Context, in *idPath) (*body[OnecView], error) {
			n, password, err := a.hub.ChangeOnecNode(ctx, in.ID, true, nil)
			if err != nil {
				return nil, a.problem(err)
			}
			v := onecView(n)
			v.Password = password
			return answer(v), nil
		})
	huma.Register(h, op("remove-onec-node", http.MethodDelete, "/onec/nodes/{id}", onecTag, "Remove an exchange"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.RemoveOnecNode(ctx, in.ID))
		})
	a.onecWork(h)
}

func (a *API) onecState(ctx context.Context, id int64) (*body[OnecStateView], error) {
	n, err := a.store.OnecNode(ctx, id)
	if err != nil {
		return nil, a.problem(err)
	}
	state, err := a.hub.OnecNodeState(ctx, id)
	if err != nil {
		return nil, a.problem(err)
	}
	v := OnecStateView{OnecView: onecView(n), Due: state.Due, Sticking: state.Sticking, Conflicts: []OnecConflictView{}, Files: []OnecFileView{}}
	for _, c := range state.Conflicts {
		v.Conflicts = append(v.Conflicts, onecConflictView(c))
	}
	for _, f := range state.Files {
		v.Files = append(v.Files, OnecFileView{ID: f.ID, Name: f.Name, State: f.State, Rows: f.Rows, Bad: f.Bad, Report: f.Report, Problem: f.Error,
			Started: f.StartedAt, Finished: timeOrNil(f.FinishedAt)})
	}
	return answer(v), nil
}

// onecWork is what people do about exchanges.
func (a *API) onecWork(h huma.API) {
	type resendIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body OnecResend
	}
	huma.Register(h, op("resend-to-onec", http.MethodPost, "/onec/nodes/{id}/resend", onecTag, "Give a 1C orders again, as if it had none of them"),
		func(ctx context.Context, in *resendIn) (*body[OnecResent], error) {
			var since time.Time
			set(&since, in.Body.Since)
			n, err := a.hub.ResendOnec(ctx, in.ID, since, in.Body.Numbers)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(OnecResent{n}), nil
		})
	type listIn struct {
		Node   int64                      `query:"node" minimum:"0" doc:"Of this exchange alone."`
		Number int64                      `query:"number" minimum:"0" doc:"Of this order alone."`
		State  orderhub.OnecConflictState `query:"state" enum:"open,done"`
		Before int64                      `query:"before" minimum:"0" doc:"Continues a list."`
		Limit  int                        `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	huma.Register(h, op("list-onec-conflicts", http.MethodGet, "/onec/conflicts", onecTag, "List what hub and 1C do not agree on"),
		func(ctx context.Context, in *listIn) (*body[OnecConflictList], error) {
			list, err := a.store.OnecConflicts(ctx, store.OnecConflictFilter{NodeID: in.Node, OrderID: in.Number, State: in.State, Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			out := OnecConflictList{Conflicts: []OnecConflictView{}}
			for _, c := range list {
				out.Conflicts = append(out.Conflicts, onecConflictView(c))
			}
			if len(list) == in.Limit {
				out.Next = list[len(list)-1].ID
			}
			return answer(out), nil
		})
	huma.Register(h, op("finish-onec-conflict", http.MethodPost, "/onec/conflicts/{id}/done", onecTag, "Say that a conflict is settled"),
		func(ctx context.Context, in *idPath) (*body[OnecConflictView], error) {
			c, err := a.store.DoneOnecConflict(ctx, in.ID, actor(ctx).Name)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(onecConflictView(c)), nil
		})
}
