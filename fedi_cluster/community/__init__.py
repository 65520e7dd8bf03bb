"""The community itself: one folder an idea, the ideas in an order; it knows neither HTTP nor JSON."""
