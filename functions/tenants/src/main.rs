//! The function `tenants`, as Lambda starts it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    web::run::<tenants::Tenants>().await
}
