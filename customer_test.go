package orderhub_test

import (
	"testing"

	"github.com/orderhub/orderhub"
)

func keysOf(words ...string) []orderhub.Key {
	var out []orderhub.Key
	for _, w := range words {
		out = append(out, orderhub.Key(w))
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const phone, mail = "+79001234567", "i@example.org"
	ivan := []string{"иван", "петров"}
	for _, c := range []struct {
		name   string
		person orderhub.Person
		card   []orderhub.Key
		joins  bool
		whole  bool
		reason orderhub.SuggestReason
	}{
		{"all the same", orderhub.Person{Phone: phone, Email: mail, Names: ivan}, keysOf("phone:"+phone, "email:"+mail, "name:иван", "name:петров"), true, true, orderhub.ReasonSeveral},
		{"both the same, another name", orderhub.Person{Phone: phone, Email: mail, Names: []string{"анна"}}, keysOf("phone:"+phone, "email:"+mail, "name:иван"), true, true, orderhub.ReasonSeveral},
		{"only a phone, no names", orderhub.Person{Phone: phone}, keysOf("phone:" + phone), true, false, orderhub.ReasonSeveral},
		{"the card has no e-mail, the name agrees", orderhub.Person{Phone: phone, Email: mail, Names: ivan}, keysOf("phone:"+phone, "name:иван"), true, false, orderhub.ReasonSeveral},
		{"the card has no e-mail, another name", orderhub.Person{Phone: phone, Email: mail, Names: ivan}, keysOf("phone:"+phone, "name:анна"), false, false, orderhub.ReasonOtherName},
		{"another e-mail", orderhub.Person{Phone: phone, Email: mail, Names: ivan}, keysOf("phone:"+phone, "email:x@example.org", "name:иван", "name:петров"), false, false, orderhub.ReasonOtherEmail},
		{"another phone", orderhub.Person{Phone: "+79000000001", Email: mail}, keysOf("phone:"+phone, "email:"+mail), false, false, orderhub.ReasonOtherPhone},
		{"one of two phones", orderhub.Person{Phone: phone, Email: mail}, keysOf("phone:+79000000001", "phone:"+phone, "email:"+mail), true, true, orderhub.ReasonSeveral},
		{"an initial", orderhub.Person{Phone: phone, Names: []string{"петров", "и"}}, keysOf("phone:"+phone, "name:иван", "name:петров"), true, false, orderhub.ReasonSeveral},
		{"the surname alone is another", orderhub.Person{Phone: phone, Names: []string{"иван", "сидоров"}}, keysOf("phone:"+phone, "name:иван", "name:петров"), false, false, orderhub.ReasonOtherName},
		{"the channel's id", orderhub.Person{Buyer: "oz:7", Names: ivan}, keysOf("buyer:oz:7", "name:анна"), true, true, orderhub.ReasonSeveral},
		{"the channel's other id", orderhub.Person{Buyer: "oz:8", Phone: phone}, keysOf("buyer:oz:7", "phone:"+phone), false, false, orderhub.ReasonOtherBuyer},
		{"an id of another account says nothing", orderhub.Person{Buyer: "oz2:8", Phone: phone}, keysOf("buyer:oz:7", "phone:"+phone), true, false, orderhub.ReasonSeveral},
		{"nothing in common", orderhub.Person{Names: ivan}, keysOf("phone:"+phone, "name:иван", "name:петров"), false, false, orderhub.ReasonOtherName},
	} {
		l := orderhub.Compare(c.person, c.card)
		if l.Joins() != c.joins || l.Whole() != c.whole || l.Reason() != c.reason {
			t.Errorf("%s: joins %v, whole %v, reason %s; want %v, %v, %s", c.name, l.Joins(), l.Whole(), l.Reason(), c.joins, c.whole, c.reason)
		}
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mask     func(string) string
		in, want string
	}{
		{orderhub.MaskPhone, "+79001234512", "+7 9** ***-**-12"},
		{orderhub.MaskPhone, "8 (900) 123-45-12", "+7 9** ***-**-12"},
		{orderhub.MaskPhone, "+375291234567", "3*** 67"},
		{orderhub.MaskPhone, "12", "***"},
		{orderhub.MaskPhone, "", ""},
		{orderhub.MaskEmail, "ivan@domain.example", "i***@d***"},
		{orderhub.MaskEmail, "иван@почта.рф", "и***@п***"},
		{orderhub.MaskEmail, "no address", "***"},
		{orderhub.MaskEmail, "", ""},
		{orderhub.MaskName, "Иван Петров", "Иван П."},
		{orderhub.MaskName, "Иван Петрович Сидоров", "Иван П."},
		{orderhub.MaskName, "Иван", "Иван"},
		{orderhub.MaskName, "Иван.Петров,Учебная", "Иван П."},
		{orderhub.MaskName, "+79001234512", "***"},
		{orderhub.MaskName, "Иван 89001234512", "***"},
		{orderhub.MaskName, "ivan@domain.example", "***"},
		{orderhub.MaskName, " ", ""},
		{orderhub.MaskText, "call the second door", "***"},
		{orderhub.MaskText, "", ""},
	} {
		if got := c.mask(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}
