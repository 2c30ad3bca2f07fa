//! peer/steward
