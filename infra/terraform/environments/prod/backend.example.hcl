# Where the state of prod is: copy to backend.hcl, then `terraform init -backend-config=backend.hcl`.
# The keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The bucket is made once by hand, versioned.
bucket                      = "citybrain-state"
region                      = "us-east-1"
endpoints                   = { s3 = "https://minio.city.example:9000" }
use_path_style              = true
skip_credentials_validation = true
skip_metadata_api_check     = true
skip_region_validation      = true
skip_requesting_account_id  = true
skip_s3_checksum            = true
