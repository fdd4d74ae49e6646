package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
)

// PasswordChange is one's own new password.
type PasswordChange struct {
	Current  string `json:"current" maxLength:"1024"`
	Password string `json:"password" maxLength:"1024" doc:"10 characters or more."`
}

// TOTPSecret is what an app of codes is fed with.
type TOTPSecret struct {
	Secret string `json:"secret" doc:"To be typed in by hand."`
	URL    string `json:"url" doc:"otpauth://… for a QR code."`
}

// TOTPCode is what the app shows.
type TOTPCode struct {
	Code string `json:"code" maxLength:"20"`
}

// OwnPassword proves that it is the person who begins with codes, or ends them.
type OwnPassword struct {
	Current string `json:"current" maxLength:"1024" doc:"One's own password; empty where one has none here."`
}

// RecoveryCodes stand in for the app, each once.
type RecoveryCodes struct {
	Codes []string `json:"recovery_codes" doc:"Shown only now."`
}

func (a *API) me(h huma.API) {
	type passwordIn struct{ Body PasswordChange }
	huma.Register(h, op("change-own-password", http.MethodPost, "/me/password", peopleTag, "Change one's own password; all sessions end, and this answer begins a new one", http.StatusConflict),
		func(ctx context.Context, in *passwordIn) (*signedIn, error) {
			v := visitOf(ctx)
			done, err := a.people.ChangePassword(ctx, v.user, in.Body.Current, in.Body.Password, v.Visitor, entry(ctx))
			if err != nil {
				return nil, a.unproved(ctx, err)
			}
			return begin(ctx, done), nil
		})
	type proofIn struct{ Body OwnPassword }
	huma.Register(h, op("start-totp", http.MethodPost, "/me/totp", peopleTag, "Make a secret for an app of codes; it counts once a code of it was sent; takes the password again", http.StatusConflict),
		func(ctx context.Context, in *proofIn) (*body[TOTPSecret], error) {
			v := visitOf(ctx)
			secret, url, err := a.people.StartTOTP(ctx, v.user, in.Body.Current, v.Visitor)
			if err != nil {
				return nil, a.unproved(ctx, err)
			}
			return answer(TOTPSecret{Secret: secret, URL: url}), nil
		})
	type codeIn struct{ Body TOTPCode }
	huma.Register(h, op("confirm-totp", http.MethodPut, "/me/totp", peopleTag, "Ask for codes from now on; the answer has the recovery codes", http.StatusConflict),
		func(ctx context.Context, in *codeIn) (*body[RecoveryCodes], error) {
			codes, err := a.people.ConfirmTOTP(ctx, visitOf(ctx).user, in.Body.Code, entry(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(RecoveryCodes{Codes: codes}), nil
		})
	huma.Register(h, op("remove-totp", http.MethodDelete, "/me/totp", peopleTag, "Ask for codes no more; takes the password again"),
		func(ctx context.Context, in *proofIn) (*struct{}, error) {
			v := visitOf(ctx)
			if err := a.people.RemoveTOTP(ctx, v.user, in.Body.Current, v.Visitor, entry(ctx)); err != nil {
				return nil, a.unproved(ctx, err)
			}
			return nil, nil //nolint:nilnil // nothing to tell
		})
	a.preferences(h)
}

// unproved answers to somebody who was to prove the password again.
func (a *API) unproved(ctx context.Context, err error) error {
	visitOf(ctx).unproved = errors.Is(err, people.ErrUnproved)
	return a.notIn(err)
}

// preferenceLimit caps a value, in bytes.
const preferenceLimit = 64 << 10

var preferenceKey = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)

func (a *API) preferences(h huma.API) {
	noKey := func(key string) error {
		return a.problem(orderhub.InvalidField("key", "%q is not a key; use 1 to 64 of a-z, 0-9 and . _ -", clip(key)))
	}
	type getIn struct {
		Key string `path:"key"`
	}
	type value struct {
		Status int
		Body   json.RawMessage
	}
	get := op("get-preference", http.MethodGet, "/me/preferences/{key}", peopleTag, "Read what is kept for oneself under a key")
	get.Responses = map[string]*huma.Response{"204": {Description: "Nothing is kept under this key."}}
	huma.Register(h, get,
		func(ctx context.Context, in *getIn) (*value, error) {
			if !preferenceKey.MatchString(in.Key) {
				return nil, noKey(in.Key)
			}
			text, ok, err := a.store.Preference(ctx, visitOf(ctx).user.ID, in.Key)
			switch {
			case err != nil:
				return nil, a.problem(err)
			case !ok:
				return &value{Status: http.StatusNoContent}, nil
			}
			return &value{http.StatusOK, json.RawMessage(text)}, nil
		})
	type putIn struct {
		Key  string `path:"key"`
		Body json.RawMessage
	}
	put := op("set-preference", http.MethodPut, "/me/preferences/{key}", peopleTag, "Keep a JSON value of up to 64 KiB for oneself")
	put.DefaultStatus = http.StatusNoContent
	huma.Register(h, put, func(ctx context.Context, in *putIn) (*struct{}, error) {
		switch {
		case !preferenceKey.MatchString(in.Key):
			return nil, noKey(in.Key)
		case len(in.Body) > preferenceLimit:
			return nil, a.problem(orderhub.Errorf(orderhub.CodeTooLarge, "the value is larger than 64 KiB"))
		}
		return nil, a.problem(a.store.SetPreference(ctx, visitOf(ctx).user.ID, in.Key, string(in.Body)))
	})
}
