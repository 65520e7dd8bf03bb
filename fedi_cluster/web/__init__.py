"""People's pages: routes, view models, static files; it decides no rule of the community."""
