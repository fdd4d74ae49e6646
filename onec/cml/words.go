package cml

import "github.com/orderhub/orderhub"

// Word is a kind of payment or of delivery, as orders name it and 1C maps it.
type Word struct{ ID, Name string }

var (
	payOnline    = Word{"online", "Оплата на площадке"}
	payOnReceipt = Word{"on_receipt", "Оплата при получении"}

	deliveredByChannel = Word{"channel", "Доставка площадки"}
	deliveredByOwn     = Word{"own", "Своя доставка"}
)

// Payments lists what orders may name as «Метод оплаты».
func Payments() []Word { return []Word{payOnline, payOnReceipt} }

// Deliveries lists what orders may name as «Способ доставки ИД».
func Deliveries() []Word { return []Word{deliveredByChannel, deliveredByOwn} }

// paymentOf is how an order was or will be paid; nothing where that is not known.
func paymentOf(p orderhub.Payment) Word {
	switch p {
	case orderhub.PaymentOnReceipt:
		return payOnReceipt
	case orderhub.PaymentPaid, orderhub.PaymentRefunded:
		return payOnline
	case orderhub.PaymentUnknown, orderhub.PaymentUnpaid:
	}
	return Word{}
}

// deliveryOf is who delivers.
func deliveryOf(s orderhub.Scheme) Word {
	switch s {
	case orderhub.SchemeRFBS, orderhub.SchemeDBS, orderhub.SchemeSite:
		return deliveredByOwn
	case orderhub.SchemeFBS, orderhub.SchemeExpress, orderhub.SchemeFBO, orderhub.SchemeLaaS:
		return deliveredByChannel
	}
	return Word{}
}
