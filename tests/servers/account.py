"""Who signs in at each server of these tests, and whom none of them knows."""

USERNAME = "keiko"
PASSWORD = "mooring-84"
NOBODY = "nobody@b.example"
