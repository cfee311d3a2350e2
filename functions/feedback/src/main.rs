//! The function `feedback`, as Lambda starts it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::queue::run::<feedback::ReceiveFeedback>().await
}
