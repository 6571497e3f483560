"""Decorators of the steps of BatchFlow: {step: {decorator: its attributes}}."""

CASES = {
    "plain": {"batch": {}},
    "half": {"batch": {"memory": 2000, "use_tmpfs": True}, "resources": {"memory": 8193, "cpu": 3, "gpu": 1}},
    "size": {"batch": {"memory": 100000, "tmpfs_size": 10000, "tmpfs_path": "/data", "tmpfs_tempdir": False},
             "timeout": {"hours": 2, "seconds": 5}, "environment": {"vars": {"ONE": "1", "TWO": "a b=c"}}},
    "rich": {"batch": {"queue": "q-spot", "cpu": 3, "gpu": 2, "shared_memory": 64, "max_swap": 100, "swappiness": 60,
                       "inferentia": 2, "efa": 1, "host_volumes": ["/scratch", "/a.b:/c"], "efs_volumes": ["fs-1:/e"],
                       "log_driver": "awslogs", "log_options": ["awslogs-group:mine"], "privileged": True,
                       "iam_role": "arn:aws:iam::123456789012:role/other", "aws_batch_tags": {"team": "ml"}}},
    "fargate": {"batch": {"queue": "q-fargate-spot", "cpu": 0.5, "memory": 1024, "ephemeral_storage": 30,
                          "image": "reg.example/own/image:7",
                          "execution_role": "arn:aws:iam::123456789012:role/execution-2"}},
}
