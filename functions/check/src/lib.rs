//! May this member do this here
