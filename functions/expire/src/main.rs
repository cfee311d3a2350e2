//! The function `expire`, as Lambda starts it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::queue::run::<expire::Expire>().await
}
