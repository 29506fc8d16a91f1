# MinIO does not speak the IAM API of AWS, so its policies and users cannot be resources of the aws provider. They are
# steps here: Terraform decides when, and minio_access.py does it through MinIO's admin API. Terraform does not see what
# somebody changes in MinIO by hand; `minio_access.py check` does. Secret keys are neither in the state nor in the plan.

locals {
  minio_roles = var.object_store == "minio" ? keys(local.grants) : []
  admin       = "${path.module}/minio_access.py"

  # The name changes with the content: a new policy is in force before the old one goes, so that no user is ever without.
  minio_policies = {
    for role in local.minio_roles :
    role => "${var.name_prefix}-${role}-${substr(sha256(data.aws_iam_policy_document.role[role].json), 0, 8)}"
  }
}

resource "terraform_data" "minio_policy" {
  for_each = local.minio_policies

  triggers_replace = [each.value, var.minio.endpoint]
  input = {
    admin    = local.admin
    python   = var.minio.python
    endpoint = var.minio.endpoint
    name     = each.value
    document = data.aws_iam_policy_document.role[each.key].minified_json
  }

  lifecycle {
    create_before_destroy = true
  }

  provisioner "local-exec" {
    command = "\"$PYTHON\" \"$ADMIN\" put-policy"
    environment = {
      PYTHON         = self.output.python
      ADMIN          = self.output.admin
      MINIO_ENDPOINT = self.output.endpoint
      POLICY         = self.output.name
      DOCUMENT       = self.output.document
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$ADMIN\" remove-policy"
    environment = {
      PYTHON         = self.output.python
      ADMIN          = self.output.admin
      MINIO_ENDPOINT = self.output.endpoint
      POLICY         = self.output.name
    }
  }
}

resource "terraform_data" "minio_user" {
  for_each = local.minio_policies

  triggers_replace = [terraform_data.minio_policy[each.key].output.name, var.minio.endpoint, var.minio.generation]
  input = {
    admin        = local.admin
    python       = var.minio.python
    endpoint     = var.minio.endpoint
    name         = "${var.name_prefix}-${each.key}"
    policy       = terraform_data.minio_policy[each.key].output.name
    secrets_file = var.minio.secrets_file
    generation   = var.minio.generation
  }

  lifecycle {
    create_before_destroy = true
  }

  provisioner "local-exec" {
    command = "\"$PYTHON\" \"$ADMIN\" put-user"
    environment = {
      PYTHON         = self.output.python
      ADMIN          = self.output.admin
      MINIO_ENDPOINT = self.output.endpoint
      USER_NAME      = self.output.name
      POLICY         = self.output.policy
      SECRETS_FILE   = self.output.secrets_file
      GENERATION     = self.output.generation
    }
  }

  # Removes the user only while it still is what this step made: after a replacement the user belongs to the new step.
  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$ADMIN\" remove-user"
    environment = {
      PYTHON         = self.output.python
      ADMIN          = self.output.admin
      MINIO_ENDPOINT = self.output.endpoint
      USER_NAME      = self.output.name
      POLICY         = self.output.policy
      SECRETS_FILE   = self.output.secrets_file
      GENERATION     = self.output.generation
    }
  }
}
