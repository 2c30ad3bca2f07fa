//! ledger/rules
