//! The guarantees, told as stories. See `docs` of the crate `stories` for what they are told with.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a story that can't go on has failed"
)]

mod accepting;
mod access;
mod accounts;
mod addresses;
mod belonging;
mod closing;
mod delivery;
mod ended;
mod faults;
mod feedback;
mod giving;
mod growth;
mod input;
mod life;
mod limits;
mod listening;
mod local;
mod looks;
mod moving;
mod operating;
mod parity;
mod portals;
mod proof;
mod races;
mod reminders;
mod reviews;
mod samples;
mod seats;
mod secrets;
mod seen;
mod signing_in;
mod tls;
mod trips;
