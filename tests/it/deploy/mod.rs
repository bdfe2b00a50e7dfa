//! The program as it is deployed: reloads, drains, and what starts and stops it.

mod reload;
