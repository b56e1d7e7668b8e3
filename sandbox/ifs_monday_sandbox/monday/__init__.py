"""The monday.com side: GraphQL, boards, limits, bulk jobs."""
