package shopify

// operation is one GraphQL document.
type operation struct {
	name string
	// root is the field of data that must be there.
	root string
	text string
	// cost in points, about; write marks a mutation.
	cost  int
	write bool
}

const money = `{ shopMoney { amount currencyCode } }`

const lineFields = `
fragment LineFields on LineItem {
  id sku name quantity currentQuantity variant { id barcode } taxLines { ratePercentage }
  originalUnitPriceSet ` + money + ` discountedUnitPriceAfterAllDiscountsSet ` + money + `
}`

const orderFields = `
fragment OrderFields on Order {
  id name createdAt updatedAt cancelledAt cancelReason displayFinancialStatus displayFulfillmentStatus
  note email phone currencyCode customer { id displayName }
  shippingAddress { name phone company address1 address2 city province zip country }
  shippingLine { title discountedPriceSet ` + money + ` }
  currentSubtotalPriceSet ` + money + `
  lineItems(first: 50) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } }
  fulfillments(first: 20) { ...ShipmentFields }
}` + lineFields + shipmentFields

// shipmentFields: few lines at once, because Shopify counts them twentyfold.
const shipmentFields = `
fragment ShipmentFields on Fulfillment {
  id status displayStatus trackingInfo(first: 1) { number company }
  fulfillmentLineItems(first: 10) { nodes { quantity lineItem { id } } pageInfo { hasNextPage endCursor } }
}`

const returnFields = `
fragment ReturnFields on Return {
  id name status createdAt order { id }
  returnLineItems(first: 20) { nodes { ...ReturnLineFields } pageInfo { hasNextPage endCursor } }
}` + returnLineFields

const returnLineFields = `
fragment ReturnLineFields on ReturnLineItemType {
  ... on ReturnLineItem { id quantity returnReason customerNote fulfillmentLineItem { lineItem { id sku name variant { id } discountedUnitPriceAfterAllDiscountsSet ` + money + ` } } }
}`

var (
	// opOrders: https://shopify.dev/docs/api/admin-graphql/latest/queries/orders
	opOrders = operation{name: "Orders", root: "orders", cost: 100, text: `query Orders($first: Int!, $after: String, $query: String!, $sort: OrderSortKeys!) {
  orders(first: $first, after: $after, query: $query, sortKey: $sort) { nodes { ...OrderFields } pageInfo { hasNextPage endCursor } }
}` + orderFields}

	opReturns = operation{name: "Returns", root: "orders", cost: 100, text: `query Returns($first: Int!, $after: String, $query: String!, $sort: OrderSortKeys!) {
  orders(first: $first, after: $after, query: $query, sortKey: $sort) {
    nodes { id updatedAt returns(first: 3) { nodes { ...ReturnFields } pageInfo { hasNextPage endCursor } } }
    pageInfo { hasNextPage endCursor }
  }
}` + returnFields}

	// opRead: https://shopify.dev/docs/api/admin-graphql/latest/queries/nodes
	opRead = operation{name: "ReadOrders", root: "nodes", cost: 60, text: `query ReadOrders($ids: [ID!]!) {
  nodes(ids: $ids) { ... on Order { ...OrderFields } }
}` + orderFields}

	opLines = operation{name: "MoreLines", root: "order", cost: 30, text: `query MoreLines($id: ID!, $after: String!) {
  order(id: $id) { lineItems(first: 50, after: $after) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } } }
}` + lineFields}

	// opShipments reads what an order has of shipments beyond the first ones: the list
	// has no pages, so their ids come first. https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
	opShipments = operation{name: "Shipments", root: "order", cost: 60, text: `query Shipments($id: ID!, $first: Int!) {
  order(id: $id) { fulfillments(first: $first) { id status displayStatus } }
}`}

	opShipmentLines = operation{name: "ReadShipments", root: "nodes", cost: 60, text: `query ReadShipments($ids: [ID!]!) {
  nodes(ids: $ids) { ... on Fulfillment { ...ShipmentFields } }
}` + shipmentFields}

	opMoreSent = operation{name: "MoreSent", root: "fulfillment", cost: 30, text: `query MoreSent($id: ID!, $after: String!) {
  fulfillment(id: $id) { fulfillmentLineItems(first: 100, after: $after) { nodes { quantity lineItem { id } } pageInfo { hasNextPage endCursor } } }
}`}

	opMoreReturns = operation{name: "MoreReturns", root: "order", cost: 60, text: `query MoreReturns($id: ID!, $after: String!) {
  order(id: $id) { returns(first: 3, after: $after) { nodes { ...ReturnFields } pageInfo { hasNextPage endCursor } } }
}` + returnFields}

	opMoreReturned = operation{name: "MoreReturned", root: "return", cost: 60, text: `query MoreReturned($id: ID!, $after: String!) {
  return(id: $id) { returnLineItems(first: 50, after: $after) { nodes { ...ReturnLineFields } pageInfo { hasNextPage endCursor } } }
}` + returnLineFields}

	// opWork reads what a step needs: https://shopify.dev/docs/api/admin-graphql/latest/objects/FulfillmentOrder
	opWork = operation{name: "Work", root: "order", cost: 20, text: `query Work($id: ID!) {
  order(id: $id) {
    id cancelledAt displayFulfillmentStatus
    fulfillmentOrders(first: 20) { nodes { id status assignedLocation { location { id } } } pageInfo { hasNextPage endCursor } }
    fulfillments(first: 20) { id status displayStatus }
  }
}`}

	opMoreWork = operation{name: "MoreWork", root: "order", cost: 60, text: `query MoreWork($id: ID!, $after: String!) {
  order(id: $id) { fulfillmentOrders(first: 50, after: $after) { nodes { id status assignedLocation { location { id } } } pageInfo { hasNextPage endCursor } } }
}`}

	// opShip: https://shopify.dev/docs/api/admin-graphql/latest/mutations/fulfillmentCreate
	opShip = operation{name: "Ship", root: "fulfillmentCreate", cost: 10, write: true, text: `mutation Ship($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id status } userErrors { field message } }
}`}

	// opEvent: https://shopify.dev/docs/api/admin-graphql/latest/mutations/fulfillmentEventCreate
	opEvent = operation{name: "Event", root: "fulfillmentEventCreate", cost: 10, write: true, text: `mutation Event($event: FulfillmentEventInput!) {
  fulfillmentEventCreate(fulfillmentEvent: $event) { fulfillmentEvent { id status } userErrors { field message } }
}`}

	// opTrack: https://shopify.dev/docs/api/admin-graphql/latest/mutations/fulfillmentTrackingInfoUpdate
	opTrack = operation{name: "Track", root: "fulfillmentTrackingInfoUpdate", cost: 10, write: true, text: `mutation Track($id: ID!, $info: FulfillmentTrackingInput!, $notify: Boolean) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $info, notifyCustomer: $notify) { fulfillment { id status } userErrors { field message } }
}`}

	// opCancel: https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderCancel
	opCancel = operation{name: "Cancel", root: "orderCancel", cost: 10, write: true, text: `mutation Cancel($id: ID!, $notify: Boolean, $refund: OrderCancelRefundMethodInput!, $restock: Boolean!, $reason: OrderCancelReason!, $note: String) {
  orderCancel(orderId: $id, notifyCustomer: $notify, refundMethod: $refund, restock: $restock, reason: $reason, staffNote: $note) { job { id done } orderCancelUserErrors { field message code } }
}`}

	// opOffers: https://shopify.dev/docs/api/admin-graphql/latest/queries/productVariants
	opOffers = operation{name: "Offers", root: "productVariants", cost: 60, text: `query Offers($first: Int!, $after: String) {
  productVariants(first: $first, after: $after, sortKey: ID) { nodes { id sku barcode title product { id title status featuredMedia { preview { image { url(transform: {maxWidth: 640, maxHeight: 640}) } } } } inventoryItem { id } } pageInfo { hasNextPage endCursor } }
}`}

	// opStock: https://shopify.dev/docs/api/admin-graphql/latest/mutations/inventorySetQuantities
	opStock = operation{name: "SetStock", root: "inventorySetQuantities", cost: 10, write: true, text: `mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { field message code } }
}`}

	opShown = operation{name: "ReadStock", root: "nodes", cost: 40, text: `query ReadStock($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) { ... on InventoryItem { id inventoryLevel(locationId: $location) { quantities(names: ["available"]) { name quantity } } } }
}`}

	opShop = operation{name: "Shop", root: "shop", cost: 60, text: `query Shop {
  shop { name myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
  locations(first: 250) { nodes { id name isActive } }
  webhookSubscriptions(first: 250) { nodes { id topic uri } }
}`}

	// opSubscribe: https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionCreate
	opSubscribe = operation{name: "Subscribe", root: "webhookSubscriptionCreate", cost: 10, write: true, text: `mutation Subscribe($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) { webhookSubscription { id } userErrors { field message } }
}`}
)
