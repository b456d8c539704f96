"""SIP: messages, transactions, dialogs, sessions, SDP, transports. Knows no media and no calls."""
