"""A read-only page of the boards, for people: no framework, no outside assets."""
