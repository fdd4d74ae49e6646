// masked hides what tells who somebody is, by the names of the fields, before a
// raw answer is shown. The hub keeps the answer as it came.
const personal = /name$|^name|phone|e-?mail|address|street|house|flat|apartment|zip|postal|^inn$|passport|birth|customer|recipient|addressee|buyer|comment|контрагент|^адрес|телефон|контакт|комментари|получатель|^инн$/i;
const plain = /product|offer|status|warehouse|carrier|delivery_method|tpl|currency|item|sku|shopName|outlet/i;

export function masked(value: unknown, inside = false): unknown {
  if (Array.isArray(value)) return value.map((v) => masked(v, inside));
  if (value !== null && typeof value === 'object') {
    // The name of a thing with a SKU is a product's.
    const goods = ['sku', 'offer_id', 'offerId', 'article', 'quantity', 'qty'].some((k) => k in value);
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, masked(v, (inside || (personal.test(k) && !(goods && /^(offer_?)?name$/i.test(k)))) && !plain.test(k))]));
  }
  if (!inside || value === null || value === '' || typeof value === 'boolean') return value;
  return '•••';
}
