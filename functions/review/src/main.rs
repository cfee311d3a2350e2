//! The function `review`, as Lambda starts it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    web::run::<review::Reviews>().await
}
