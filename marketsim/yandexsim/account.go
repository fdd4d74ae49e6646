package yandexsim

import "maps"

// getToken: POST /v2/auth/token (getAuthTokenInfo).
func (m *Market) getToken(*call) (any, *apiError) {
	return okResult(map[string]any{"apiKey": map[string]any{"name": "orderhub", "authScopes": m.opts.Scopes}}), nil
}

// getCampaigns: GET /v2/campaigns. The express shop and the one at the Market's
// warehouse open with their first order.
func (m *Market) getCampaigns(*call) (any, *apiError) {
	list := []any{}
	m.mu.Lock()
	open := maps.Clone(m.open)
	m.mu.Unlock()
	for _, c := range campaigns {
		if open[c.id] {
			list = append(list, map[string]any{
				"domain": c.name, "id": c.id, "placementType": c.placement, "apiAvailability": "AVAILABLE",
				"business": map[string]any{"id": BusinessID, "name": "Полка"},
			})
		}
	}
	return map[string]any{"campaigns": list, "paging": map[string]any{}}, nil
}

func okResult(result any) any { return map[string]any{"status": "OK", "result": result} }

// okEmpty is EmptyApiResponse.
func okEmpty() any { return map[string]any{"status": "OK"} }
