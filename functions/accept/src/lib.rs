//! Everything behind the emailed link
