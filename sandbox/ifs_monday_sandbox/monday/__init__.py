"""The monday.com twin: its GraphQL API, limits and bulk jobs, offline and in memory."""
