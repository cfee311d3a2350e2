//! What every function's main needs: settings, logs, AWS clients, the stream loop
