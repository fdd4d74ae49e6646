// Package all is the one list of channels. A further channel is one folder and
// one line here.
package all

import (
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/bitrix"
	"github.com/orderhub/orderhub/channel/cmlshop"
	"github.com/orderhub/orderhub/channel/insales"
	"github.com/orderhub/orderhub/channel/ozon"
	"github.com/orderhub/orderhub/channel/shopify"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/channel/wildberries"
	"github.com/orderhub/orderhub/channel/woocommerce"
	"github.com/orderhub/orderhub/channel/yandexmarket"
)

// All lists the channels of a hub, in the order in which people see them.
func All() []channel.Channel {
	return []channel.Channel{
		ozon.Channel, wildberries.Channel, yandexmarket.Channel, site.Channel,
		woocommerce.Channel, bitrix.Channel, insales.Channel, shopify.Channel, cmlshop.Channel,
	}
}
