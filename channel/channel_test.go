package channel_test

import (
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// What channel/rest lends must be what the contract asks for. It is stated here
// because package channel must not import it.
var _ channel.Quotas = (*rest.Buckets)(nil)
