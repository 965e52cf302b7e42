<?php
// The method that PHP's frameworks take from a request, as each of them reads it.

function is_delete($value) {
    return is_string($value) && strtoupper(trim($value)) === 'DELETE';
}

$type = $_SERVER['CONTENT_TYPE'] ?? $_SERVER['HTTP_CONTENT_TYPE'] ?? '';
$json = null;
// As Laravel tells whether content is JSON.
if (str_contains($type, '/json') || str_contains($type, '+json')) {
    $json = json_decode(file_get_contents('php://input'), true);
}
$fields = ['HTTP_X_HTTP_METHOD_OVERRIDE', 'HTTP_X_HTTP_METHOD', 'HTTP_X_METHOD_OVERRIDE'];
$ideas = [
    '_POST' => $_POST['_method'] ?? null,
    '_REQUEST' => $_REQUEST['_method'] ?? null,
    '_GET' => $_GET['_method'] ?? null,
    'Slim' => $_POST['_METHOD'] ?? null,
    'Flow' => $_POST['__method'] ?? null,
    'file' => isset($_FILES['_method']['tmp_name']) && is_string($_FILES['_method']['tmp_name'])
        ? (string) @file_get_contents($_FILES['_method']['tmp_name']) : null,
    'JSON' => is_array($json) ? ($json['_method'] ?? null) : null,
];
foreach ($fields as $name) {
    $ideas[$name] = $_SERVER[$name] ?? null;
}
$reached = array_keys(array_filter($ideas, 'is_delete'));
header('X-Reached: ' . ($reached ? 'admin: ' . implode('; ', $reached) : '-'));
header('Content-Length: 0');
