//! The pages, and the answer to every path nothing else serves
