output "name" {
  description = "Bucket name, known once versioning is in force."
  value       = aws_s3_bucket_versioning.this.bucket
}

output "arn" {
  description = "Bucket ARN."
  value       = "arn:aws:s3:::${var.name}"
}
