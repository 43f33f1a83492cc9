//! One websocket.
