//! Takes an invitation or a membership back
