output "users" {
  description = "MinIO: role => user name. The secret keys are in the secrets file."
  value       = { for role, step in terraform_data.minio_user : role => step.output.name }
}

output "roles" {
  description = "AWS: role => ARN, for the annotation of the service account."
  value       = { for role, made in aws_iam_role.role : role => made.arn }
}

output "access" {
  description = "What `minio_access.py check` compares the server with."
  value = {
    for role, step in terraform_data.minio_user : step.output.name => {
      policy   = step.output.policy
      document = terraform_data.minio_policy[role].output.document
    }
  }
}
