package cmlshop

import (
	"strings"

	"github.com/orderhub/orderhub"
)

// wordCancelled is the native word of an order whose file says «Отменен»: engines
// keep the cancellation beside their status.
const wordCancelled = "Отменен=true"

// wordNone is the native word of an order whose file names no status: some
// modules send none.
const wordNone = "без статуса"

// statuses translates the words that engines bring along. A shop's own words come
// from the setting status_words; the rest is kept and shown, and the order becomes
// unknown.
//
// Every step is told: the hub decides, the headline moves at once, and the shop
// gets a document as 1C would send it.
var statuses = orderhub.StatusTable{
	Native: append([]orderhub.NativeStatus{
		native("N", orderhub.StatusNew, "1C-Bitrix: accepted, waits for the payment or not: the payment is told apart"),
		native("P", orderhub.StatusNew, "1C-Bitrix: paid, nobody has worked it yet"),
		native("DN", orderhub.StatusConfirmed, "1C-Bitrix: waits for its delivery"),
		native("DF", orderhub.StatusShipped, "1C-Bitrix: its shipment has left"),
		native("F", orderhub.StatusDelivered, "1C-Bitrix: done"),
		native(wordCancelled, orderhub.StatusCancelled, "the requisite, whatever the status says"),
		native(wordNone, orderhub.StatusNew, "the file names no status"),
	}, named(map[orderhub.Status][]string{
		orderhub.StatusPending:   {"Ожидает оплаты", "Ожидание оплаты", "Не оплачен"},
		orderhub.StatusNew:       {"Новый", "Новый заказ", "Принят", "Открыт", "Оплачен", "Принят, ожидается оплата", "Оплачен, формируется к отправке"},
		orderhub.StatusConfirmed: {"Подтвержден", "Подтверждён", "В обработке", "Обрабатывается", "Обработка", "В работе"},
		orderhub.StatusPacked:    {"Собран", "Комплектуется", "Укомплектован", "Готов к отправке", "К отгрузке"},
		orderhub.StatusShipped:   {"Отправлен", "Отгружен", "Передан в доставку", "Доставляется", "В пути"},
		orderhub.StatusReadyForPickup: {
			"Готов к выдаче", "Ожидает в пункте выдачи", "Прибыл в пункт выдачи",
		},
		orderhub.StatusDelivered: {"Выполнен", "Завершен", "Завершён", "Доставлен", "Сделка завершена"},
		orderhub.StatusCancelled: {"Отменен", "Отменён", "Отмена", "Аннулирован", "Отклонен", "Отклонён"},
		orderhub.StatusReturned:  {"Возврат", "Возвращен", "Возвращён"},
	})...),
	Steps: []orderhub.Step{
		tell(orderhub.StatusNew), tell(orderhub.StatusConfirmed), tell(orderhub.StatusPacked), tell(orderhub.StatusShipped),
		tell(orderhub.StatusReadyForPickup), tell(orderhub.StatusDelivered), tell(orderhub.StatusCancelled),
	},
}

func native(word string, s orderhub.Status, note string) orderhub.NativeStatus {
	return orderhub.NativeStatus{Scheme: orderhub.SchemeSite, Word: word, Sub: "*", Status: s, Note: note}
}

func named(table map[orderhub.Status][]string) []orderhub.NativeStatus {
	var out []orderhub.NativeStatus
	for _, s := range orderhub.Statuses() {
		for _, word := range table[s] {
			out = append(out, native(word, s, ""))
		}
	}
	return out
}

func tell(to orderhub.Status) orderhub.Step {
	return orderhub.Step{
		Scheme: orderhub.SchemeSite, To: to, Kind: orderhub.StepTell,
		Call: "type=sale mode=file", Note: "the shop gets the order's document as 1C would send it",
	}
}

// translate finds the status of a word: the shop's own first, then the table,
// whatever the letter case.
func (a *adapter) translate(word string) (orderhub.Status, bool) {
	if s, ok := a.words.Status(word); ok {
		return s, true
	}
	for _, n := range statuses.Native {
		if strings.EqualFold(n.Word, strings.TrimSpace(word)) {
			return n.Status, true
		}
	}
	return orderhub.StatusUnknown, false
}
