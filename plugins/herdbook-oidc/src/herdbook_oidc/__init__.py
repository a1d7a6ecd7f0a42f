"""Bearer tokens of OpenID Connect issuers, as an identity source."""
