//! The guarantees, as stories over the real handlers and the embedded table
