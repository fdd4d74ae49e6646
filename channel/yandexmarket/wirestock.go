package yandexmarket

// The JSON of the catalogue, the warehouses and the stock.

// offersFilter is GetOfferMappingsRequest.
type offersFilter struct {
	Archived bool `json:"archived"`
}

// offerPage is GetOfferMappingsResponse.
type offerPage struct {
	Result struct {
		Paging        nextPage       `json:"paging"`
		OfferMappings []offerMapping `json:"offerMappings"`
	} `json:"result"`
}

type nextPage struct {
	NextPageToken string `json:"nextPageToken"`
}

// offerMapping is GetOfferMappingDTO.
type offerMapping struct {
	Offer struct {
		OfferID   scalar   `json:"offerId"`
		Name      scalar   `json:"name"`
		Barcodes  []scalar `json:"barcodes"`
		Pictures  []scalar `json:"pictures"`
		Archived  scalar   `json:"archived"`
		Campaigns []struct {
			CampaignID scalar `json:"campaignId"`
			Status     scalar `json:"status"`
		} `json:"campaigns"`
	} `json:"offer"`
	Mapping struct {
		MarketSKU     scalar `json:"marketSku"`
		MarketSKUName scalar `json:"marketSkuName"`
	} `json:"mapping"`
}

// warehousePage is GetPagedWarehousesResponse.
type warehousePage struct {
	Result struct {
		Paging     nextPage    `json:"paging"`
		Warehouses []warehouse `json:"warehouses"`
	} `json:"result"`
}

// warehouse is WarehouseDetailsDTO. Only warehouses in groups have a groupInfo.
type warehouse struct {
	ID         scalar `json:"id"`
	CampaignID scalar `json:"campaignId"`
	GroupInfo  *struct {
		ID scalar `json:"id"`
	} `json:"groupInfo"`
}

// stocksV3Request is UpdateStocksOnWarehousesRequest.
type stocksV3Request struct {
	SKUItems []warehouseRow `json:"skuItems"`
}

type warehouseRow struct {
	SKU       string `json:"sku"`
	Warehouse int64  `json:"partnerWarehouseId"`
	Count     int64  `json:"count"`
	UpdatedAt string `json:"updatedAt"`
}

// stocksV2Request is UpdateStocksRequest.
type stocksV2Request struct {
	SKUs []shopRow `json:"skus"`
}

// shopRow is UpdateStockDTO; Items has exactly one element.
type shopRow struct {
	SKU   string    `json:"sku"`
	Items []shopQty `json:"items"`
}

type shopQty struct {
	Count     int64  `json:"count"`
	UpdatedAt string `json:"updatedAt"`
}

// stocksV3Filter is GetStocksOnPartnerWarehousesRequest.
type stocksV3Filter struct {
	Warehouse int64    `json:"partnerWarehouseId"`
	OfferIDs  []string `json:"offerIds"`
}

// stocksV3Answer is GetStocksOnPartnerWarehousesResponse.
type stocksV3Answer struct {
	Result struct {
		Warehouse scalar       `json:"partnerWarehouseId"`
		Offers    []offerStock `json:"offers"`
	} `json:"result"`
}

// stocksV2Filter is GetWarehouseStocksRequest.
type stocksV2Filter struct {
	OfferIDs []string `json:"offerIds"`
}

// stocksV2Answer is GetWarehouseStocksResponse.
type stocksV2Answer struct {
	Result struct {
		Warehouses []struct {
			ID     scalar       `json:"warehouseId"`
			Offers []offerStock `json:"offers"`
		} `json:"warehouses"`
	} `json:"result"`
}

// offerStock is WarehouseOfferDTO or PartnerWarehouseOfferDTO.
type offerStock struct {
	OfferID scalar `json:"offerId"`
	Stocks  []struct {
		Type  scalar `json:"type"`
		Count scalar `json:"count"`
	} `json:"stocks"`
}
