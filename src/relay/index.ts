// Relays: what goes to another site, and arrives from one, once. The line itself is millrace/connectors/relay.

export {}
