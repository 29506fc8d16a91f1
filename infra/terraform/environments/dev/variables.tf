variable "s3_endpoint" {
  description = "URL of the MinIO server."
  type        = string
}

variable "region" {
  description = "Region the server answers for."
  type        = string
  default     = "us-east-1"
}

variable "name_prefix" {
  description = "Stands before every bucket, policy and user."
  type        = string
  default     = "citybrain-dev"
}

variable "secrets_file" {
  description = "File outside git for the users' secret keys."
  type        = string
}

variable "python" {
  description = "Python with the `minio` package."
  type        = string
  default     = "python3"
}

variable "key_generation" {
  description = "Raise it to give every user a new secret key."
  type        = number
  default     = 1
}

variable "noncurrent_days" {
  description = "Days for which overwritten and deleted versions are kept."
  type        = number
  default     = 7
}

variable "landing_days" {
  description = "Days for which deliveries are kept."
  type        = number
  default     = 90
}

variable "tls_only" {
  description = "Refuse requests without TLS; a MinIO on one's own machine usually has none."
  type        = bool
  default     = false
}
