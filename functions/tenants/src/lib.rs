//! Signing up, reading a tenant, its brands
